import { randomUUID } from 'node:crypto'
import type { Delivery, Fate, Message } from '../../flow/contracts.ts'
import { EventSource } from '../../flow/event-source.ts'
import type { Ledger } from '../../flow/ledger.ts'
import { Run } from '../../flow/run.ts'
import { type InFlight, RunAck } from '../../flow/run-ack.ts'
import type { Bell } from '../offsets/bell.ts'
import { ENVELOPE_KINDS, type SplitBatch } from './batch-splitter.ts'

export interface EnvelopeQueueOptions {
  /** Envelopes received and not settled, and their bytes, those that wait here included. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  /** Bytes that outputs keep beside what is in flight. */
  readonly keptBytes?: () => number
  readonly ledger: Ledger
  /** Rings when something came or was settled. */
  readonly bell: Bell
}

/** Envelopes that came together. */
interface Waiting {
  readonly messages: readonly Message[]
  readonly kinds: readonly number[]
  /** The first that is not gone yet. */
  next: number
}

const NAME = 'firehose'

/**
 * Envelopes between the streams, which never wait, and the pipeline, which may. All that is received and not settled is within the limits: the
 * pipeline gets at most half of that, so that there are some that it has not got, and where a new one does not fit, the oldest of these
 * goes. The ledger counts each envelope when it comes.
 */
export class EnvelopeQueue implements InFlight {
  readonly #options: EnvelopeQueueOptions
  readonly #source = new EventSource(NAME, randomUUID())
  #waiting: Waiting[] = []
  /** Before this, `#waiting` is used up. */
  #head = 0
  #arrived = 0
  #isOpen = true
  /** Envelopes that the pipeline has not got, and those that it has and has not settled; bytes of both. */
  queued = 0
  queuedBytes = 0
  handed = 0
  handedBytes = 0
  /** Places as in {@link ENVELOPE_KINDS}. */
  readonly #droppedByKind = ENVELOPE_KINDS.map(() => 0)

  constructor(options: EnvelopeQueueOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get inFlight(): number {
    return this.queued + this.handed
  }

  /** Nothing more goes to the pipeline, or is kept for it, before something is settled. */
  get isAtLimit(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#options
    return this.handed > 0 && (this.queued > 0 || this.handed >= maxInFlight || this.handedBytes >= maxInFlightBytes)
  }

  get droppedByKind(): Readonly<Record<string, number>> {
    return Object.fromEntries(ENVELOPE_KINDS.map((kind, index) => [kind, this.#droppedByKind[index] as number]))
  }

  /** Takes all envelopes of a batch, and what could not be cut into envelopes as one more. Returns how many had to go, older or of these. */
  put({ envelopes, kinds, rest }: SplitBatch): number {
    const values = rest === undefined ? envelopes : [...envelopes, rest]
    if (values.length === 0 || !this.#isOpen) return 0
    const { ledger, bell } = this.#options
    const messages = values.map((value) => ({ value, offset: this.#arrived++ }))
    const bytes = values.reduce((sum, { length }) => sum + length, 0)
    ledger.consume(messages.length, bytes)
    this.#waiting.push({ messages, kinds: rest === undefined ? kinds : [...kinds, 0], next: 0 })
    this.queued += messages.length
    this.queuedBytes += bytes
    const dropped = this.#dropWhatDoesNotFit()
    bell.ring()
    return dropped
  }

  /** The oldest that came together, as far as the pipeline may have them; all, `isLast`. Undefined where there are none, or no room. */
  take(isLast = false): Delivery | undefined {
    const first = this.#waiting[this.#head]
    if (first === undefined) return undefined
    const start = first.next
    const count = isLast ? first.messages.length - start : this.#roomFor(first)
    if (count === 0) return undefined
    const messages = start === 0 && count === first.messages.length ? first.messages : first.messages.slice(start, start + count)
    const bytes = bytesOf(messages)
    this.#advance(first, count, bytes)
    this.handed += count
    this.handedBytes += bytes
    return {
      messages,
      ack: new RunAck({ inFlight: this, run: new Run(messages, this.#arrived, 0), bytes, source: this.#source, topic: NAME }),
    }
  }

  settle(fate: Fate, count: number, bytes: number): void {
    this.#options.ledger.settle(fate, count)
    this.handed -= count
    this.handedBytes = this.handed === 0 ? 0 : this.handedBytes - bytes
    this.#options.bell.ring()
  }

  /** Abandons all that is not settled, and returns how many those are. */
  close(): number {
    const left = this.inFlight
    if (this.#isOpen) this.#options.ledger.abandon(left)
    this.#isOpen = false
    this.#waiting = []
    this.#head = this.queued = this.queuedBytes = this.handed = this.handedBytes = 0
    return left
  }

  #roomFor({ messages, next }: Waiting): number {
    const { maxInFlight, maxInFlightBytes, keptBytes } = this.#options
    const most = Math.max(1, Math.floor(maxInFlight / 2)) - this.handed
    const mostBytes = maxInFlightBytes / 2 - this.handedBytes - (keptBytes?.() ?? 0)
    let count = 0
    let bytes = 0
    while (next + count < messages.length && count < most) {
      bytes += messages[next + count]?.value?.length ?? 0
      // One that is larger than all that may be is let through alone.
      if (bytes > mostBytes && (count > 0 || this.handed > 0)) break
      count++
    }
    return count
  }

  #dropWhatDoesNotFit(): number {
    const { maxInFlight, maxInFlightBytes, ledger } = this.#options
    let dropped = 0
    while (this.queued > 0 && (this.inFlight > maxInFlight || this.queuedBytes + this.handedBytes > maxInFlightBytes)) {
      const first = this.#waiting[this.#head] as Waiting
      const kind = first.kinds[first.next] as number
      this.#droppedByKind[kind] = (this.#droppedByKind[kind] as number) + 1
      this.#advance(first, 1, first.messages[first.next]?.value?.length ?? 0)
      dropped++
    }
    if (dropped > 0) ledger.settle('dropped', dropped)
    return dropped
  }

  #advance(first: Waiting, count: number, bytes: number): void {
    this.queued -= count
    this.queuedBytes -= bytes
    first.next += count
    if (first.next < first.messages.length) return
    this.#waiting[this.#head] = NOTHING
    this.#head++
    if (this.#head < this.#waiting.length && this.#head < COMPACT_AT) return
    this.#waiting = this.#waiting.slice(this.#head)
    this.#head = 0
  }
}

const NOTHING: Waiting = { messages: [], kinds: [], next: 0 }
const COMPACT_AT = 1000

function bytesOf(messages: readonly Message[]): number {
  let bytes = 0
  for (const { value } of messages) bytes += value?.length ?? 0
  return bytes
}
