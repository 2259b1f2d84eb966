import type { Logger } from 'pino'
import type { OutputStats } from '../flow/contracts.ts'
import { type BackoffOptions, backoffMs, MAX_RETRY_AFTER_MS } from '../lib/backoff.ts'
import { GaveUp } from '../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../lib/limited-log.ts'
import { sleep } from '../lib/sleep.ts'
import { WriteFigures } from './write-figures.ts'

export interface RetryingOptions {
  /** How long the start waits for the destination. */
  readonly startTimeoutMs: number
  /** Further tries of what was not taken, before a write gives up; -1: never gives up. */
  readonly flushRetries: number
  readonly backoff?: BackoffOptions
  readonly log: Logger
}

/** What a destination is called in logs and errors, and which variables to look at. */
export interface DestinationNames {
  /** `InfluxDB at http://influxdb:8086`, without any login. */
  readonly name: string
  readonly addressVariable: string
  readonly startTimeoutVariable: string
}

/** Why a write did not end well, though it may the next time. */
export interface Failure {
  readonly reason: string
  readonly error: Error
  /** What the destination asks for. */
  readonly retryAfterMs?: number | undefined
  /** The variable to look at, where it does not pass by itself: somebody has to act. */
  readonly variable?: string
}

const writeBackoff: BackoffOptions = { initialMs: 1000, maxMs: 30_000, jitter: 0.2 }
const startBackoff: BackoffOptions = { initialMs: 250, maxMs: 4000, jitter: 0.2 }
/** What has had no answer for so long is said to be waited for. */
const SLOW_MS = 10_000

/**
 * What every destination does that answers: wait for it at the start, try again what may pass, say what it waits for, and give up
 * when that was asked for. What an answer means is each destination's own.
 */
export abstract class RetryingOutput extends WriteFigures implements OutputStats {
  readonly #options: RetryingOptions
  readonly #names: DestinationNames
  /** Why the last request failed; undefined if it did not. */
  #problem: string | undefined = 'has not answered yet'
  /** When each request under way was sent, as of `performance.now()`, oldest first. */
  readonly #sentMs = new Set<number>()
  protected readonly limitedLog: LimitedLog

  constructor(options: RetryingOptions, names: DestinationNames) {
    super()
    this.#options = options
    this.#names = names
    this.limitedLog = limitedLog(options.log)
  }

  /** As logs and errors call it. */
  protected get destination(): string {
    return this.#names.name
  }

  /** Asks whether it is there. Resolves to why not, in words; rejects only where `signal` aborts. */
  protected abstract ping(signal: AbortSignal): Promise<string | undefined>

  notReady(): readonly string[] {
    const [oldestMs = Number.POSITIVE_INFINITY] = this.#sentMs
    const waitedMs = performance.now() - oldestMs
    const problem = this.#problem ?? (waitedMs > SLOW_MS ? `a write has had no answer for ${Math.round(waitedMs / 1000)} s` : undefined)
    return problem === undefined ? [] : [`${this.destination}: ${problem}`]
  }

  async start(signal: AbortSignal): Promise<void> {
    const { startTimeoutMs } = this.#options
    const { addressVariable, startTimeoutVariable } = this.#names
    const deadline = performance.now() + startTimeoutMs
    for (let tries = 0; ; tries++) {
      const reason = await this.ping(signal)
      this.#problem = reason
      if (reason === undefined) return
      this.lastError = reason
      const remainingMs = deadline - performance.now()
      if (remainingMs <= 0) {
        throw new GaveUp(
          `${this.destination} did not answer within ${startTimeoutMs / 1000} s: ${reason}. Nothing was read, so nothing is lost; look at ${addressVariable}, or raise ${startTimeoutVariable}`,
        )
      }
      this.limitedLog.warn('ping', { error: reason }, `${this.destination} does not answer yet`)
      await sleep(Math.min(remainingMs, backoffMs(tries, startBackoff)), signal)
      signal.throwIfAborted()
    }
  }

  /** Waits for one request's answer, so that `notReady` can say for how long. Resolves and rejects as `request` does. */
  protected async waitFor<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    const startMs = performance.now()
    this.#sentMs.add(startMs)
    try {
      return await request()
    } finally {
      this.#sentMs.delete(startMs)
    }
  }

  /** A write has shown that the destination works. */
  protected works(): void {
    if (this.#problem?.startsWith('the last write') === true) this.#options.log.info(`${this.destination} takes writes again`)
    this.#problem = undefined
  }

  /** Waits before the next try of a batch. Rejects with {@link GaveUp} where all tries are used up, or where `signal` aborts. `tries` counts from 0. */
  protected async waitToRetry(
    tries: number,
    { reason, error, retryAfterMs: askedMs = 0, variable }: Failure,
    signal: AbortSignal,
  ): Promise<void> {
    const { flushRetries, backoff = writeBackoff } = this.#options
    this.failures++
    this.lastError = reason
    this.#problem = `the last write failed: ${reason}`
    const hint = variable === undefined ? '' : `; look at ${variable}`
    if (flushRetries >= 0 && tries >= flushRetries) {
      throw new GaveUp(
        `${this.destination} did not take a batch, tried ${tries + 1} times: ${reason}${hint}. Nothing is lost: what was not written is not committed, and is read again at the next start`,
        { cause: error },
      )
    }
    this.retries++
    const delayMs = backoffMs(tries, backoff, Math.min(askedMs, MAX_RETRY_AFTER_MS))
    const fields = {
      error: reason,
      ...(askedMs > MAX_RETRY_AFTER_MS && { retryAfterSeconds: Math.round(askedMs / 1000), obeyedSeconds: MAX_RETRY_AFTER_MS / 1000 }),
      retryInSeconds: Math.round(delayMs / 100) / 10,
      triesLeft: flushRetries < 0 ? 'unlimited' : flushRetries - tries,
    }
    if (hint === '') this.limitedLog.warn('write', fields, `${this.destination} did not take a batch; it is kept and tried again`)
    else
      this.limitedLog.error(
        'write',
        fields,
        `${this.destination} cannot take what is sent${hint}; nothing is lost, it is kept and tried again`,
      )
    await sleep(delayMs, signal)
    signal.throwIfAborted()
  }
}
