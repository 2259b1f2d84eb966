import type { Output, Records, RefusedRecord } from '../../flow/contracts.ts'
import { errorText } from '../../lib/error-text.ts'
import { toError } from '../../lib/errors.ts'
import type { Backslash } from '../../lib/tag-value.ts'
import { type Failure, type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { type InfluxDbAnswer, type InfluxDbResponse, judgeAnswer } from './answer.ts'
import { InfluxDbConnection, type InfluxDbConnectionOptions } from './connection.ts'
import { RefusalSearch } from './refusal-search.ts'

export interface InfluxDbOptions extends InfluxDbConnectionOptions, RetryingOptions {
  /** How a backslash before a comma, a space or an equals sign is written; `auto`: as the server that answers the first ping reads it. */
  readonly backslash?: 'auto' | Backslash
}

/** Why a request did not end well, though it may the next time. */
type NotStored = Extract<InfluxDbAnswer, { outcome: 'misconfigured' | 'failed' }>

/** Writes to InfluxDB 1.x, 2.x, 3.x, or what speaks as they do. What it does about each answer is in SPEC's section 6. */
export class InfluxDb extends RetryingOutput implements Output {
  readonly #options: InfluxDbOptions
  readonly #connection: InfluxDbConnection
  /** Requests are numbered: which was stored last tells whether the server took any after it refused another. */
  #requests = 0
  #lastStoredRequest = 0

  /** How the server that answered reads a backslash in a tag value. */
  backslash: Backslash

  constructor(options: InfluxDbOptions) {
    const { origin, pathname } = new URL(options.url)
    super(options, {
      name: `InfluxDB at ${origin}${pathname.replace(/\/+$/, '')}`,
      addressVariable: 'CFMR_INFLUXDB_ADDR',
      startTimeoutVariable: 'CFMR_INFLUXDB_STARTTIMEOUT',
    })
    this.#options = options
    this.backslash = options.backslash === 'escape' ? 'escape' : 'literal'
    this.#connection = new InfluxDbConnection(options)
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
    this.limitedLog.flush()
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
        await this.waitToRetry(tries++, doubt(search), signal)
        search.restart({ stands: this.#lastStoredRequest > doubtedSince })
        continue
      }
      const answer = await this.#send(sent, signal)
      if (answer.outcome === 'stored') {
        search.onStored()
        tries = 0
      } else if (answer.outcome === 'refused') search.onRefused(answer)
      else if (answer.outcome === 'too-large') search.onTooLarge(answer.reason)
      else await this.waitToRetry(tries++, answer, signal)
    }
  }

  async #send(sent: Records, signal: AbortSignal): Promise<InfluxDbAnswer> {
    const request = ++this.#requests
    const startMs = performance.now()
    let response: InfluxDbResponse
    try {
      response = await this.waitFor(() => this.#connection.write(sent.bytes, signal))
    } catch (error) {
      signal.throwIfAborted()
      return noAnswer(error)
    }
    const answer = judgeAnswer(response, sent, this.#connection.api)
    if (answer.outcome === 'refused') this.#reportLimit(answer.hint)
    if (answer.outcome === 'stored' || (answer.outcome === 'refused' && answer.isAboutPoints)) this.works()
    if (answer.outcome === 'stored') {
      this.#lastStoredRequest = Math.max(this.#lastStoredRequest, request)
      this.countStored(sent.count, sent.bytes.length, (performance.now() - startMs) / 1000)
    }
    return answer
  }

  /** Two of the reasons for which points are refused are limits that somebody has set, and can set anew. */
  #reportLimit(hint: string): void {
    const limit = /\bmax-(?:values-per-tag|series-per-database)\b/.exec(hint)?.[0]
    if (limit === undefined) return
    this.limitedLog.error(
      limit,
      { limit },
      `${this.destination} has reached its limit ${limit} and refuses the points of whatever is new: raise it in its configuration, or delete series. What is refused is a dead letter`,
    )
  }

  /** Why it does not answer; undefined if it does. */
  protected async ping(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { status, version, isVictoriaMetrics } = await this.#connection.ping(signal)
      if (this.#options.backslash === 'auto') this.backslash = backslashFor(version, isVictoriaMetrics)
      return status < 500 ? undefined : `HTTP ${status}`
    } catch (error) {
      signal.throwIfAborted()
      return errorText(error)
    }
  }
}

/** InfluxDB 1.x and 2.x take a backslash for itself; 3.x and VictoriaMetrics (which may say that it is 1.8) for an escape. */
function backslashFor(version: string | undefined, isVictoriaMetrics: boolean | undefined): Backslash {
  return isVictoriaMetrics === true || /^v?[3-9]\./.test(version ?? '') ? 'escape' : 'literal'
}

function noAnswer(thrown: unknown): NotStored {
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
  return { reason, error: new Error(reason) }
}
