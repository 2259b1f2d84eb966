import type { Logger } from 'pino'
import { backoffMs } from '../../lib/backoff.ts'
import { type LimitedLog, limitedLog } from '../../lib/limited-log.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { GatewayStream, type GatewayStreamOptions } from './gateway-stream.ts'
import { CAUSES, type Cause, type StreamEnd } from './stream-end.ts'

export interface StreamsOptions extends GatewayStreamOptions {
  /** How many are open at once. */
  readonly streams: number
  /** A stream is replaced after so long, before the gateway ends it. */
  readonly streamAgeMs: number
  readonly log: Logger
  readonly random?: () => number
}

/** Streams are replaced up to this share of their age sooner, so that not all of a foundation's clients come at once. */
const EARLIER = 0.05
/** After its successor is open, a stream goes on until the gateway ends it; it gets this long, or so many times the age where that is less. */
const MAX_LINGER_MS = 120_000
const LINGER_AGES = 10
const BACKOFF = { initialMs: 250, maxMs: 15_000, jitter: 0.3 }
/** One that has not lived so long counts as a failure, whatever the gateway says of its end. */
const SHORTEST_LIFE_MS = 500
/** A login is renewed for a 404, and not again for those that follow before this. */
const RENEW_AGAIN_MS = 30_000

const NEVER = Number.NEGATIVE_INFINITY

/** One of the streams that are kept open. */
interface Slot {
  readonly index: number
  /** Failures in a row. */
  failures: number
  /** When the login was renewed for a 404, since a stream was open last. */
  renewedMs: number
  /** Goes on after its successor was opened. */
  previous: GatewayStream | undefined
}

/**
 * Keeps streams open, each for itself: a successor is opened before the gateway ends a stream, and the old one goes on until then; a stream that is
 * lost is opened anew at once, and later and later where that does not last. They begin at different ages, so that they do not end together.
 */
export class Streams {
  readonly #options: StreamsOptions
  readonly #log: Logger
  readonly #limited: LimitedLog
  readonly #stop = new AbortController()
  readonly #live = new Set<GatewayStream>()
  readonly #open = new Set<GatewayStream>()
  #done: Promise<unknown> = Promise.resolve()
  #withoutSinceMs: number | undefined
  #withoutMs = 0
  /** Streams that were replaced or lost, or could not be opened, by cause. */
  readonly reconnects = Object.fromEntries(CAUSES.map((cause) => [cause, 0])) as Record<(typeof CAUSES)[number], number>
  /** Of those, the ones that nobody wanted. */
  failures = 0
  lastError: string | undefined
  /** Why there is no stream; undefined before the first was tried. */
  #trouble: string | undefined

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#log = options.log
    this.#limited = limitedLog(options.log)
  }

  start(): void {
    this.#withoutSinceMs = steadyNowMs()
    const slots = Array.from({ length: this.#options.streams }, (_, index): Slot => {
      return { index, failures: 0, renewedMs: NEVER, previous: undefined }
    })
    this.#done = Promise.all(slots.map((slot) => this.#keep(slot)))
  }

  get open(): number {
    return this.#open.size
  }

  get secondsWithout(): number {
    const since = this.#withoutSinceMs
    return (this.#withoutMs + (since === undefined ? 0 : steadyNowMs() - since)) / 1000
  }

  /** A sentence where nothing can come; undefined where a stream is open. */
  get trouble(): string | undefined {
    return this.#open.size > 0 ? undefined : `no stream is open: ${this.#trouble ?? 'the first is being opened'}`
  }

  /** Closes all, and resolves when they are. */
  async stop(): Promise<void> {
    this.#stop.abort()
    for (const stream of this.#live) stream.end()
    await this.#done
    this.#limited.flush()
  }

  async #keep(slot: Slot): Promise<void> {
    const signal = this.#stop.signal
    let isFresh = true
    while (!signal.aborted) {
      const stream = this.#begin()
      if (!(await stream.opened)) {
        await this.#pause(slot, await stream.ended)
        continue
      }
      this.#retire(slot)
      slot.renewedMs = NEVER
      const end: StreamEnd | undefined = await Promise.race([stream.ended, this.#aged(slot, isFresh, stream)])
      isFresh = end !== undefined
      if (end !== undefined) await this.#pause(slot, end)
      else {
        slot.failures = 0
        slot.previous = stream
        this.#count('age')
      }
    }
  }

  #begin(): GatewayStream {
    const stream = new GatewayStream(this.#options)
    this.#live.add(stream)
    void stream.opened.then((isOpen) => {
      if (!isOpen) return
      this.#open.add(stream)
      this.#measure()
      if (this.#trouble !== undefined) this.#log.info({ streams: this.#open.size }, 'Firehose: a stream is open again')
      this.#trouble = undefined
    })
    void stream.ended.then(() => {
      this.#live.delete(stream)
      this.#open.delete(stream)
      this.#measure()
    })
    return stream
  }

  /** Time without any stream. */
  #measure(): void {
    const nowMs = steadyNowMs()
    if (this.#open.size === 0) this.#withoutSinceMs ??= nowMs
    else if (this.#withoutSinceMs !== undefined) {
      this.#withoutMs += nowMs - this.#withoutSinceMs
      this.#withoutSinceMs = undefined
    }
  }

  /** Resolves to undefined when the stream is to be replaced. The first of each slot has another age. */
  async #aged({ index }: Slot, isFresh: boolean, stream: GatewayStream): Promise<undefined> {
    const { streamAgeMs, streams, random = Math.random } = this.#options
    const share = isFresh ? (index + 1) / streams : 1
    const over = new AbortController()
    void stream.ended.then(() => over.abort())
    await sleep(streamAgeMs * share * (1 - EARLIER * random()), over.signal)
    // What has ended by itself was not replaced.
    if (over.signal.aborted) await new Promise<never>(() => {})
  }

  /** The one before has its successor: it may go on to its end. */
  #retire(slot: Slot): void {
    const { previous } = slot
    slot.previous = undefined
    if (previous === undefined) return
    const ended = new AbortController()
    void previous.ended.then(() => ended.abort())
    void sleep(Math.min(MAX_LINGER_MS, LINGER_AGES * this.#options.streamAgeMs), ended.signal, { unref: true }).then(() =>
      previous.end('age'),
    )
  }

  /** What has become of a stream, and how long to wait before the next. */
  async #pause(slot: Slot, end: StreamEnd): Promise<void> {
    const signal = this.#stop.signal
    if (signal.aborted || end.cause === 'stopped') return
    const { cause, livedMs, error, retryAfterMs } = end
    this.#count(cause)
    const delayMs = backoffMs(slot.failures, BACKOFF, retryAfterMs)
    // By its age: one that lived longer than the wait would be need not be waited for.
    const hasLived = livedMs >= SHORTEST_LIFE_MS && (cause === 'closing' || livedMs >= delayMs)
    if (hasLived) slot.failures = 0
    if (hasLived && cause === 'closing') return
    this.failures++
    this.lastError = error
    this.#trouble = error
    const isRenewed = cause === 'not_found' && (await this.#renew(slot, end))
    if (!isRenewed) this.#report(end)
    if (hasLived) return
    if (!isRenewed) await sleep(delayMs, signal)
    slot.failures++
  }

  /** Whether there is another token, which may be good. */
  async #renew(slot: Slot, { token = '' }: StreamEnd): Promise<boolean> {
    if (steadyNowMs() - slot.renewedMs < RENEW_AGAIN_MS) return false
    slot.renewedMs = steadyNowMs()
    try {
      const other = await this.#options.access.renew(token, this.#stop.signal)
      return other !== undefined && other !== token
    } catch {
      // The next stream asks again, and says what is wrong.
      return false
    }
  }

  #count(cause: Cause): void {
    if (cause !== 'stopped') this.reconnects[cause]++
  }

  #report({ cause, error, needsOperator = false }: StreamEnd): void {
    const fields = { cause, error, streams: this.#open.size }
    if (needsOperator) this.#limited.error(cause, fields, 'Firehose: no stream can be opened until somebody acts; it is tried again')
    else this.#limited.warn(cause, fields, 'Firehose: a stream is lost, or cannot be opened; another is opened')
  }
}
