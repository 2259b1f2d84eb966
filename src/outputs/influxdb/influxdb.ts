import type { Logger } from 'pino'
import type { Output, OutputStats, Records, RefusedRecord } from '../../flow/contracts.ts'
import { type BackoffOptions, backoffMs, MAX_RETRY_AFTER_MS } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { GaveUp, toError } from '../../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../../lib/limited-log.ts'
import { sleep } from '../../lib/sleep.ts'
import type { Backslash } from '../../lib/tag-value.ts'
import { WriteFigures } from '../write-figures.ts'
import { type InfluxDbAnswer, type InfluxDbResponse, judgeAnswer } from './answer.ts'
import { InfluxDbConnection, type InfluxDbConnectionOptions } from './connection.ts'
import { RefusalSearch } from './refusal-search.ts'

export interface InfluxDbOptions extends InfluxDbConnectionOptions {
  /** How long the start waits for InfluxDB. */
  readonly startTimeoutMs: number
  /** Further tries of what was not taken, before `write` gives up; -1: never gives up. */
  readonly flushRetries: number
  /** How a backslash before a comma, a space or an equals sign is written; `auto`: as the server that answers the first ping reads it. */
  readonly backslash?: 'auto' | Backslash
  readonly backoff?: BackoffOptions
  readonly log: Logger
}

/** Why a request did not end well, though it may the next time. */
type Failure = Extract<InfluxDbAnswer, { outcome: 'misconfigured' | 'failed' }>

const writeBackoff: BackoffOptions = { initialMs: 1000, maxMs: 30_000, jitter: 0.2 }
const pingBackoff: BackoffOptions = { initialMs: 250, maxMs: 4000, jitter: 0.2 }

/** A request that has had no answer for so long is said to be waited for. */
const SLOW_MS = 10_000

/** Writes to InfluxDB 1.x, 2.x, 3.x, or what speaks as they do. What it does about each answer is in SPEC's section 6. */
export class InfluxDb extends WriteFigures implements Output, OutputStats {
  readonly #options: InfluxDbOptions
  readonly #connection: InfluxDbConnection
  readonly #log: LimitedLog
  readonly #name: string
  /** Why the last request failed; undefined if it did not. */
  #problem: string | undefined
  /** Requests are numbered: which was stored last tells whether the server took any after it refused another. */
  #requests = 0
  #lastStoredRequest = 0
  /** When each write under way was sent, as of `performance.now()`, oldest first. */
  readonly #sentMs = new Set<number>()

  /** How the server that answered reads a backslash in a tag value. */
  backslash: Backslash

  constructor(options: InfluxDbOptions) {
    super()
    this.#options = options
    this.backslash = options.backslash === 'escape' ? 'escape' : 'literal'
    this.#connection = new InfluxDbConnection(options)
    this.#log = limitedLog(options.log)
    const { origin, pathname } = new URL(options.url)
    this.#name = `InfluxDB at ${origin}${pathname.replace(/\/+$/, '')}`
    this.#problem = 'has not answered yet'
  }

  notReady(): readonly string[] {
    const [oldestMs = Number.POSITIVE_INFINITY] = this.#sentMs
    const waitedMs = performance.now() - oldestMs
    const problem = this.#problem ?? (waitedMs > SLOW_MS ? `a write has had no answer for ${Math.round(waitedMs / 1000)} s` : undefined)
    return problem === undefined ? [] : [`${this.#name}: ${problem}`]
  }

  async start(signal: AbortSignal): Promise<void> {
    const { startTimeoutMs } = this.#options
    const deadline = performance.now() + startTimeoutMs
    for (let tries = 0; ; tries++) {
      const reason = await this.#ping(signal)
      this.#problem = reason
      if (reason === undefined) return
      this.lastError = reason
      const remainingMs = deadline - performance.now()
      if (remainingMs <= 0) {
        throw new GaveUp(
          `${this.#name} did not answer within ${startTimeoutMs / 1000} s: ${reason}. Nothing was read, so nothing is lost; look at CFMR_INFLUXDB_ADDR, or raise CFMR_INFLUXDB_STARTTIMEOUT`,
        )
      }
      this.#log.warn('ping', { error: reason }, `${this.#name} does not answer yet`)
      await sleep(Math.min(remainingMs, backoffMs(tries, pingBackoff)), signal)
      signal.throwIfAborted()
    }
  }

  async write(lines: Records, signal: AbortSignal): Promise<readonly RefusedRecord[]> {
    this.inFlight++
    try {
      const refused = await this.#writeAll(new RefusalSearch(lines), signal)
      this.batches++
      return refused
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.#log.flush()
    await this.#connection.close()
  }

  async #writeAll(search: RefusalSearch, signal: AbortSignal): Promise<readonly RefusedRecord[]> {
    let tries = 0
    let doubtedSince = 0
    for (;;) {
      const sent = search.next
      if (sent === undefined && !search.isDoubtful) return search.refused
      if (sent === undefined) {
        doubtedSince ||= this.#requests
        await this.#waitToRetry(tries++, doubt(search), signal)
        search.restart({ stands: this.#lastStoredRequest > doubtedSince })
        continue
      }
      const answer = await this.#send(sent, signal)
      if (answer.outcome === 'stored') {
        search.onStored()
        tries = 0
      } else if (answer.outcome === 'refused') search.onRefused(answer)
      else if (answer.outcome === 'too-large') search.onTooLarge(answer.reason)
      else await this.#waitToRetry(tries++, answer, signal)
    }
  }

  async #send(sent: Records, signal: AbortSignal): Promise<InfluxDbAnswer> {
    const request = ++this.#requests
    const startMs = performance.now()
    let response: InfluxDbResponse
    this.#sentMs.add(startMs)
    try {
      response = await this.#connection.write(sent.bytes, signal)
    } catch (error) {
      signal.throwIfAborted()
      return noAnswer(error)
    } finally {
      this.#sentMs.delete(startMs)
    }
    const answer = judgeAnswer(response, sent, this.#connection.api)
    if (answer.outcome === 'refused') this.#reportLimit(answer.hint)
    if (answer.outcome === 'stored' || (answer.outcome === 'refused' && answer.isAboutPoints)) this.#works()
    if (answer.outcome === 'stored') {
      this.#lastStoredRequest = Math.max(this.#lastStoredRequest, request)
      this.countStored(sent.count, sent.bytes.length, (performance.now() - startMs) / 1000)
    }
    return answer
  }

  /** Rejects where all tries are used up, or `signal` aborts. */
  async #waitToRetry(tries: number, { reason, error, ...failure }: Failure, signal: AbortSignal): Promise<void> {
    const { flushRetries, backoff = writeBackoff } = this.#options
    this.failures++
    this.lastError = reason
    this.#problem = `the last write failed: ${reason}`
    const hint = 'variable' in failure ? `; look at ${failure.variable}` : ''
    if (flushRetries >= 0 && tries >= flushRetries) {
      throw new GaveUp(
        `${this.#name} did not take a batch, tried ${tries + 1} times: ${reason}${hint}. Nothing is lost: what was not written is not committed, and is read again at the next start`,
        { cause: error },
      )
    }
    this.retries++
    const askedMs = failure.retryAfterMs ?? 0
    const delayMs = backoffMs(tries, backoff, Math.min(askedMs, MAX_RETRY_AFTER_MS))
    const fields = {
      error: reason,
      ...(askedMs > MAX_RETRY_AFTER_MS && { retryAfterSeconds: Math.round(askedMs / 1000), obeyedSeconds: MAX_RETRY_AFTER_MS / 1000 }),
      retryInSeconds: Math.round(delayMs / 100) / 10,
      triesLeft: flushRetries < 0 ? 'unlimited' : flushRetries - tries,
    }
    if (hint === '') this.#log.warn('write', fields, `${this.#name} did not take a batch; it is kept and tried again`)
    else this.#log.error('write', fields, `${this.#name} cannot take what is sent${hint}; nothing is lost, it is kept and tried again`)
    await sleep(delayMs, signal)
    signal.throwIfAborted()
  }

  /** Two of the reasons for which points are refused are limits that somebody has set, and can set anew. */
  #reportLimit(hint: string): void {
    const limit = /\bmax-(?:values-per-tag|series-per-database)\b/.exec(hint)?.[0]
    if (limit === undefined) return
    this.#log.error(
      limit,
      { limit },
      `${this.#name} has reached its limit ${limit} and refuses the points of whatever is new: raise it in its configuration, or delete series. What is refused is a dead letter`,
    )
  }

  /** Why it does not answer; undefined if it does. */
  async #ping(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { status, version, isVictoriaMetrics } = await this.#connection.ping(signal)
      if (this.#options.backslash === 'auto') this.backslash = backslashFor(version, isVictoriaMetrics)
      return status < 500 ? undefined : `HTTP ${status}`
    } catch (error) {
      signal.throwIfAborted()
      return errorText(error)
    }
  }

  #works(): void {
    if (this.#problem?.startsWith('the last write') === true) this.#options.log.info(`${this.#name} takes writes again`)
    this.#problem = undefined
  }
}

/** InfluxDB 1.x and 2.x take a backslash for itself; 3.x and VictoriaMetrics (which may say that it is 1.8) for an escape. */
function backslashFor(version: string | undefined, isVictoriaMetrics: boolean | undefined): Backslash {
  return isVictoriaMetrics === true || /^v?[3-9]\./.test(version ?? '') ? 'escape' : 'literal'
}

function noAnswer(thrown: unknown): Failure {
  const [reason, error] = [errorText(thrown), toError(thrown)]
  if (/certificate|altnames/i.test(reason)) {
    return {
      outcome: 'misconfigured',
      reason,
      error,
      retryAfterMs: undefined,
      variable: 'the certificate of CFMR_INFLUXDB_ADDR, or at CFMR_INFLUXDB_SKIPSSLVALIDATION',
    }
  }
  return { outcome: 'failed', reason, error, retryAfterMs: undefined }
}

function doubt(search: RefusalSearch): Failure {
  const reason = `refuses every point in the same words, so it is not the points: ${search.refused[0]?.reason ?? ''}`
  return { outcome: 'failed', reason, error: new Error(reason), retryAfterMs: undefined }
}
