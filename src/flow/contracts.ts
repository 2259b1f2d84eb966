import type { ByteBuffer } from '../lib/byte-buffer.ts'
import type { EventSource, Header } from './event-source.ts'
import type { Listing, Section } from './shown.ts'

/**
 * Where a message can end. Each ends in exactly one; the ledger counts them. From the best to the worst: a message that one output has stored and another
 * refused counts as refused.
 */
export const FATES = ['discarded', 'written', 'over_quota', 'dropped', 'no_app_guid', 'not_found', 'undecodable', 'refused'] as const
export type Fate = (typeof FATES)[number]

/** One message of a source. Its `value` may be a view of a large fetch response: who keeps a message must copy it. */
export interface Message {
  readonly value: Buffer | null
  /** Kafka's offset, or a file's line number; exact to 2^53. */
  readonly offset: number
  /** The event's id, where the message brings it, since it was delivered elsewhere before. */
  readonly eventId?: string
  /** What came with it, where the source has such a thing. No views: they may be kept. */
  readonly headers?: readonly Header[]
}

/**
 * The acknowledgement of one delivery, message by message. It outlives the messages, so it must not refer to their bytes.
 */
export interface Ack {
  readonly topic: string
  readonly partition: number
  /** False once the partition went elsewhere or the process gave up: what is still unsettled is abandoned, and settling does nothing. */
  readonly isOpen: boolean
  /**
   * The messages `index` to `index + count - 1` of the delivery (from 0; each at most once) have met `fate`. Fates come in
   * any order, within a delivery and across deliveries; what may be committed follows the longest run of settled messages, to
   * the message. The ledger counts here and nowhere else, so ack and ledger cannot disagree.
   * Not settling is the nack, as in Kafka. A few ns a message: this is on the hot path.
   */
  settle(fate: Fate, index: number, count?: number): void
  /** Kafka's offset of a message of the delivery, or its line number in a file; exact to 2^53. */
  offsetOf(index: number): number
  /** When a message was made, in ms since 1970, as its source says of it beside its bytes; undefined where it does not. */
  timeOf?(index: number): number | undefined
  /** What the messages come from: with its offset it names a message for ever. */
  readonly source: EventSource
}

/** Messages of one partition that the input hands over together, in order. */
export interface Delivery {
  readonly messages: readonly Message[]
  readonly ack: Ack
  /** In place of messages, which are none then: what the ack is for cannot be read, and is one dead letter. */
  readonly unreadable?: Unreadable
}

/** Messages that were stored together and cannot be read: one dead letter stands for all of them. */
export interface Unreadable {
  /** Offsets of the first and the last, and how many there are. */
  readonly first: number
  readonly last: number
  readonly count: number
  /** Kafka's name for how they are compressed: none, gzip, snappy, lz4, zstd; the number of another. */
  readonly codec: string
  /** As they are stored; a view. */
  readonly stored: Buffer
  /** Why, in words. */
  readonly problem: string
}

export interface Input {
  /** Ends when `stop` aborts or the source does; throws when it is lost for good. Not pulling is back-pressure. */
  read(stop: AbortSignal): AsyncIterable<Delivery>
  /** Told that outputs may keep less than before, where that counts against what it may have in flight. */
  freed?(): void
  /** Passes the last acks upstream and leaves, until `deadlineMs` (a time as of `steadyNowMs()`). Resolves to what it leaves unsettled. */
  close(deadlineMs: number): Promise<readonly Left[]>
}

/** What an input leaves behind when it is closed. */
export interface Left {
  /** In the operator's words: envelopes, lines of logs. */
  readonly of: string
  /** Where they are read again: how many, those that are settled behind one that is not included. Else how many are not settled. */
  readonly count: number
  /** False: nobody sends them again. */
  readonly isReadAgain: boolean
}

/** Where a translator puts the records of one output. `Encoder` is how that output spells them. */
export interface Sink<Encoder = unknown> {
  readonly encoder: Encoder
  /** What is the same for all outputs is counted, and buried, where it goes to the one that speaks for all. */
  readonly speaksForAll: boolean
  /** Nothing more may be put in for now. */
  readonly isFull: boolean
  /** A record's bytes are appended here, then {@link Sink.close} ends it. Another buffer after each `close`. */
  readonly buffer: ByteBuffer
  /**
   * What was appended since the last `close` is the record of the delivery's message `index`, whose bytes were `original`. `place` is
   * where in the output it goes (a tenant's object), where the output has several that are not written together.
   */
  close(ack: Ack, index: number, original: Uint8Array, place?: string): void
  /** The message can never become a record here, for a `problem` in words: a dead letter. */
  bury(reason: DeadLetter['reason'], problem: string, ack: Ack, index: number, original: Uint8Array | null): void
}

/** Where messages wait for what is not known yet. */
export interface WaitingRoom<Encoder = unknown> {
  /** The message waits until {@link Translator.lookUp} has said what `key` is, then goes on to `sinks`. Its bytes are copied. */
  hold(key: string, ack: Ack, index: number, original: Uint8Array, sinks: readonly Sink<Encoder>[]): void
  /** Whether messages of `key` wait here, or are still on their way to one of these sinks: what went there now would come before them. */
  isHolding(key: string, sinks: readonly Sink<Encoder>[]): boolean
}

/**
 * Makes records of messages: decides what each is, whose it is, and has it encoded for each output. `Entry` is what it has to
 * know of a message's owner. It alone knows the words of its traffic; whoever drives it knows none of them.
 *
 * `take` and `retake` are synchronous, and may overwrite what any earlier call has decoded. For each sink, a message either meets
 * a fate at once (`ack.settle`, once for each sink), is put into the sink in one of its two ways, or waits.
 */
export interface Translator<Entry = unknown, Encoder = unknown> {
  /** Takes messages of the delivery from number `start` on, and returns the first that is not taken: the end, or where a sink is full. */
  take(delivery: Delivery, start: number, sinks: readonly Sink<Encoder>[], waiting: WaitingRoom<Encoder>): number
  /** Resolves to what is known of `key`, however long that takes; to undefined only where the process ends. Never rejects. */
  lookUp(key: string): Promise<Entry | undefined>
  /** Takes a message that waited, once its `entry` is known. No sink may be full. */
  retake(original: Buffer, entry: Entry, ack: Ack, index: number, sinks: readonly Sink<Encoder>[]): void
}

/** Records to be written together. Whoever holds it must not change it until the write has ended. */
export interface Records {
  readonly count: number
  /** One behind the other, as the output's encoder spells them: a view of exactly these bytes. */
  readonly bytes: Uint8Array
  /** Where record `i` ends; it begins where the one before ends. */
  endOf(record: number): number
  /** The one place of all of them; undefined where the output has no places. */
  readonly place?: string | undefined
}

/** A record that the destination refuses for good. */
export interface RefusedRecord {
  /** Its number among those written together, from 0. */
  readonly record: number
  /** What the destination said of it. */
  readonly reason: string
}

/** A record that is not stored. Where it is held it is not refused: it is to be written again later, while all others go on. */
export interface UnstoredRecord extends RefusedRecord {
  readonly isHeld?: boolean
}

export interface Output {
  /** Waits until the destination answers. Rejects if it does not in time: then the process must not start to read. */
  start(signal: AbortSignal): Promise<void>
  /**
   * Resolves to the records that are not stored, in their order: refused for good, or held, because what keeps them out concerns
   * them and not all (an index, a tenant). Retries what may pass, as often as it was told to; then rejects, and any of the records
   * may or may not be there. Aborting `signal` rejects at once. May be called again before the last call ended.
   * `tries` is how often these very records have been held before.
   */
  write(records: Records, signal: AbortSignal, tries: number): Promise<readonly UnstoredRecord[]>
  close(): Promise<void>
}

/** A message that can never be written, with all that is known of it. */
export interface DeadLetter {
  readonly reason: 'undecodable' | 'refused'
  /** In words: the decoder's, or the output's. */
  readonly error: string
  /** Which output refuses it; undefined where no output could have had it. */
  readonly output: string | undefined
  readonly topic: string
  readonly partition: number
  readonly offset: string
  /** The id that its event would have had, and has when the letter is read back; undefined of what could not be read. */
  readonly eventId: string | undefined
  /** Size of the original value. */
  readonly sizeBytes: number
  /** How many messages it stands for, and how they are compressed, where a whole record batch cannot be read. */
  readonly batch?: { readonly count: number; readonly codec: string }
  /** The original bytes; undefined where nobody keeps them (no dead-letter topic), or the message had none. */
  readonly value: Uint8Array | undefined
}

export interface DeadLetters {
  /** Whether `send` needs the original bytes. */
  readonly keepsValues: boolean
  /** Resolves once all are kept (or logged, where there is no topic); waits as long as it takes, rejects only if `signal` aborts. */
  send(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** What a stage says of itself to `/readyz`: a sentence for each thing that keeps it from working; none when all is well. */
export interface Readiness {
  readonly notReady: () => readonly string[]
}

export interface PartitionStats {
  readonly topic: string
  readonly partition: number
  /** Offsets as numbers are exact to 2^53. All are the next offset, Kafka's way; undefined where not known yet. */
  readonly position: number | undefined
  readonly committed: number | undefined
  readonly highWatermark: number | undefined
  readonly lag: number | undefined
  readonly inFlight: number
  /** Age of the oldest message read and not settled; undefined where there is none. */
  readonly oldestUnackedSeconds: number | undefined
}

export interface InputStats extends Readiness {
  /** Messages read, not settled and not abandoned: counted by the input itself, not derived from the ledger. */
  readonly inFlight: number
  /** At a limit of what may be in flight, and nothing has been settled for a while. */
  readonly isPaused: boolean
  /** As CFMR_INPUT and `/stats` call it. */
  readonly name: string
  /** Whether what is not settled is read again after a restart. */
  readonly acknowledged: boolean
  /** How often reading failed, and how the last time. */
  readonly failures: number
  readonly lastError: string | undefined
  /** What it reads, where that is partitions. */
  readonly partitioned?: PartitionedStats
  /** What else `/stats` shows of it, by key: plain JSON, names in snake case. No secrets. */
  readonly figures?: () => Readonly<Record<string, unknown>>
  /** Those of them that `/metrics` shows, too. */
  readonly metrics?: readonly InputMetric[]
  /** Those of them that the page shows, and how. */
  readonly section?: Section
  /** What needs no hurry, but somebody's eye, a sentence each, though it works. */
  readonly concerns?: () => readonly string[]
  /** What it has many of, each with a path and a table of its own. */
  readonly listings?: readonly Listing[]
}

/** A value, or one for each set of labels. What is undefined or null is not known, and left out. */
export type MetricValues =
  | number
  | null
  | undefined
  | readonly (readonly [Readonly<Record<string, string | number>>, number | null | undefined])[]

/** One of `/metrics`: names that end in `_total` are counters, all others gauges. */
export interface InputMetric {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  /** Of what {@link InputStats.figures} has told. */
  value(figures: Readonly<Record<string, unknown>>): MetricValues
}

/** Of an input that reads partitions of a log. */
export interface PartitionedStats {
  /** Messages that were deleted before they could be read. */
  readonly skipped: number
  /** Offsets that no message came for, though they were not deleted: those of a compacted topic, and no others if all is well. */
  readonly gaps: number
  readonly partitions: () => readonly PartitionStats[]
}

/** What is known of whose events are: of a cache of names, and of the service that is asked. */
export interface MetadataStats extends Readiness {
  readonly apps: number
  readonly notFound: number
  readonly hits: number
  readonly misses: number
  readonly requests: number
  readonly failures: number
  /** When a request failed last, as of `Date.now()`; 0 is never. */
  readonly lastFailureMs: number
  readonly lastRefreshMs: number
  readonly lastError: string | undefined
}

export interface OutputStats extends Readiness {
  /** Batches and records stored, and bytes of them before compression. */
  readonly batches: number
  readonly records: number
  /** Of the records, those that were stored before, by an earlier delivery, and that the destination knew again. */
  readonly repeated: number
  readonly bytes: number
  /** Sums that may have begun anew, since there were too many to remember them all: then the destination has too little. Undefined where there are none. */
  readonly restarted?: number | undefined
  readonly retries: number
  readonly failures: number
  /** Batches being written now. */
  readonly inFlight: number
  readonly lastError: string | undefined
  readonly lastWriteMs: number
  /** Of the writes that ended well within the last 5 minutes, the latest 1,000 at most; all 0 without any. */
  readonly writeSeconds: () => { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
}
