import type { Logger } from 'pino'
import type { Delivery, Input, InputStats, Left } from '../../flow/contracts.ts'
import type { Ledger } from '../../flow/ledger.ts'
import { limitedLog } from '../../lib/limited-log.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { Bell } from '../offsets/bell.ts'
import { COUNTER, splitBatch } from './batch-splitter.ts'
import { EnvelopeQueue } from './envelope-queue.ts'
import type { GatewayAccess } from './gateway-access.ts'
import { FIREHOSE_METRICS } from './metrics.ts'
import { platformDrops } from './platform-drops.ts'
import { FIREHOSE_SECTION } from './section.ts'
import { Streams } from './streams.ts'

export interface FirehoseInputOptions {
  readonly access: GatewayAccess
  readonly shardId: string
  readonly streams: number
  readonly streamAgeMs: number
  readonly timeoutMs: number
  readonly skipSslValidation: boolean
  /** Certificates of authorities, in PEM, in place of Node's own. */
  readonly trusted?: readonly string[] | undefined
  /** The gateway sends heartbeats every 15 s. */
  readonly silenceMs?: number
  /** Envelopes received and not settled, and their bytes: what comes beyond makes the oldest go that the pipeline has not got. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  /** Bytes that outputs keep beside what is in flight. */
  readonly keptBytes?: () => number
  /** Has open batches written at once. */
  readonly flushNow?: () => void
  readonly ledger: Ledger
  readonly log: Logger
}

const SILENCE_MS = 35_000
const WAIT_MS = 500
/** Batches are flushed again once this share of what the pipeline may have has gone to it anew: batches are not for a few envelopes each. */
const FLUSH_SHARE = 1 / 8
const TIMESTAMP = /"timestamp"\s*:\s*"?(-?\d{1,19})/
/** Where an envelope's time stands, if it is where all gateways write it. */
const HEAD_BYTES = 64
const NS_A_MS = 1_000_000n

/**
 * Loggregator's firehose, Version 2: the envelopes of all apps, from streams of the RLP gateway. The platform knows no acknowledgement, so reading
 * never stops: what does not fit is dropped, the oldest first, and counted.
 */
export class FirehoseInput implements Input, InputStats {
  readonly name = 'firehose'
  readonly acknowledged = false
  readonly isPaused = false
  readonly metrics = FIREHOSE_METRICS
  readonly section = FIREHOSE_SECTION
  readonly #options: FirehoseInputOptions
  readonly #log: ReturnType<typeof limitedLog>
  readonly #bell = new Bell()
  readonly #queue: EnvelopeQueue
  readonly #streams: Streams
  #stopping: Promise<void> | undefined
  #flushedMs = Number.NEGATIVE_INFINITY
  #takenSinceFlush = 0
  #lastEnvelopeMs = 0
  #lagMs = 0
  #platformDropped = 0
  readonly #lost = { oversized: 0, truncated: 0 }

  constructor(options: FirehoseInputOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
    this.#queue = new EnvelopeQueue({ ...options, bell: this.#bell })
    this.#streams = new Streams({
      ...options,
      silenceMs: options.silenceMs ?? SILENCE_MS,
      batch: (data) => this.#take(data),
      lost: (what, bytes) => this.#lose(what, bytes),
    })
  }

  async *read(stop: AbortSignal): AsyncGenerator<Delivery, undefined> {
    if (stop.aborted) return
    stop.addEventListener('abort', () => this.#stopReading(), { once: true })
    this.#streams.start()
    while (!stop.aborted) {
      const delivery = this.#queue.take()
      if (delivery === undefined) {
        this.#ranDry()
        await this.#bell.wait(WAIT_MS)
      } else {
        this.#takenSinceFlush += delivery.messages.length
        yield delivery
      }
    }
    await this.#stopReading()
    for (let delivery = this.#queue.take(true); delivery !== undefined; delivery = this.#queue.take(true)) yield delivery
  }

  freed(): void {
    this.#bell.ring()
  }

  async close(): Promise<readonly Left[]> {
    await this.#stopReading()
    await this.#options.access.close()
    this.#log.flush()
    return [{ of: 'envelopes', count: this.#queue.close(), isReadAgain: false }]
  }

  get inFlight(): number {
    return this.#queue.inFlight
  }

  get failures(): number {
    return this.#streams.failures
  }

  get lastError(): string | undefined {
    return this.#streams.lastError
  }

  notReady(): readonly string[] {
    const { trouble } = this.#streams
    return trouble === undefined ? [] : [`firehose: ${trouble}`]
  }

  /** What is its own among inputs, as `/stats` shows it. */
  readonly figures = () => {
    return {
      streams: this.#streams.open,
      reconnects: { ...this.#streams.reconnects },
      seconds_without_stream: this.#streams.secondsWithout,
      /** null before the first. */
      last_envelope_age_seconds: this.#lastEnvelopeMs === 0 ? null : Math.max(0, Date.now() - this.#lastEnvelopeMs) / 1000,
      /** How old the newest was when it came. */
      lag_seconds: this.#lagMs / 1000,
      platform_dropped: this.#platformDropped,
      dropped_by_kind: this.#queue.droppedByKind,
      queued: this.#queue.queued,
      ...this.#lost,
    }
  }

  /** At the limit, what the pipeline has must not wait in open batches for more. */
  #ranDry(): void {
    const { isAtLimit, handed } = this.#queue
    if (!isAtLimit) return
    const nowMs = steadyNowMs()
    if (nowMs - this.#flushedMs < WAIT_MS && this.#takenSinceFlush < handed * FLUSH_SHARE) return
    this.#flushedMs = nowMs
    this.#takenSinceFlush = 0
    this.#options.flushNow?.()
  }

  #take(data: Buffer): void {
    const batch = splitBatch(data)
    const { envelopes, kinds, rest } = batch
    if (rest !== undefined)
      this.#log.warn('no batch', { bytes: rest.length }, 'Firehose: a batch cannot be read to its end; it is undecodable')
    for (let i = kinds.indexOf(COUNTER); i >= 0; i = kinds.indexOf(COUNTER, i + 1))
      this.#platformDropped += platformDrops(envelopes[i] as Buffer)
    const last = envelopes.at(-1)
    if (last !== undefined) this.#note(last)
    const dropped = this.#queue.put(batch)
    if (dropped > 0) this.#reportDropped(dropped)
  }

  #note(envelope: Buffer): void {
    this.#lastEnvelopeMs = Date.now()
    const timestamp = TIMESTAMP.exec(envelope.toString('latin1', 0, HEAD_BYTES))?.[1]
    if (timestamp !== undefined) this.#lagMs = Math.max(0, this.#lastEnvelopeMs - Number(BigInt(timestamp) / NS_A_MS))
  }

  #lose(what: 'oversized' | 'truncated', bytes: number): void {
    this.#lost[what]++
    if (what === 'truncated')
      this.#log.warn(what, { bytes }, 'Firehose: the end of a stream has cut off a batch; what it held is lost, and not known')
    else this.#log.warn(what, { bytes }, 'Firehose: a batch is longer than 14 MB, and left out; what it held is lost, and not known')
  }

  #reportDropped(dropped: number): void {
    const { maxInFlight, maxInFlightBytes, ledger } = this.#options
    const { handed, queued, queuedBytes, handedBytes } = this.#queue
    const fields = {
      ...{ dropped, droppedInAll: ledger.fates.dropped, waiting: queued, notSettled: handed },
      ...{ bytes: Math.round(queuedBytes + handedBytes), maxInFlight, maxInFlightBytes },
    }
    this.#log.warn(
      'dropped',
      fields,
      'Firehose: envelopes are dropped, the oldest first: outputs settle less than comes, and CFMR_MAXINFLIGHT or CFMR_MAXINFLIGHTBYTES is reached',
    )
  }

  #stopReading(): Promise<void> {
    this.#stopping ??= this.#streams.stop().then(() => this.#bell.ring())
    return this.#stopping
  }
}
