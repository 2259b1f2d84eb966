import type { Output, Records, UnstoredRecord } from '../../flow/contracts.ts'
import { selectRecords } from '../../flow/select-records.ts'
import { retryAfterMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { GaveUp, toError } from '../../lib/errors.ts'
import type { HttpAnswer } from '../../lib/http-server.ts'
import { type Failure, type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { type BulkAnswer, readBulkAnswer } from './bulk-answer.ts'
import { Cluster } from './cluster.ts'
import { ensureTemplate, shortly } from './index-templates.ts'
import type { ElasticsearchSettings } from './variables.ts'

/** Requests under way at once. */
export const MAX_WRITES = 2

export type ElasticsearchOptions = ElasticsearchSettings & Pick<RetryingOptions, 'backoff' | 'log'>

/**
 * Documents to Elasticsearch or OpenSearch, by `_bulk` with `create`: each under its event's id, so that one that comes again is
 * there already. Items are judged one by one; what concerns some of them alone never keeps the others out.
 */
export class Elasticsearch extends RetryingOutput implements Output {
  readonly #options: ElasticsearchOptions
  readonly #cluster: Cluster

  constructor(options: ElasticsearchOptions) {
    super(options, {
      name: `Elasticsearch at ${options.urls.join(', ')}`,
      addressVariable: 'CFMR_ELASTICSEARCH_URL',
      startTimeoutVariable: 'CFMR_ELASTICSEARCH_STARTTIMEOUT',
    })
    this.#options = options
    this.#cluster = new Cluster(options, MAX_WRITES + 1)
  }

  async write(records: Records, signal: AbortSignal, tries: number): Promise<readonly UnstoredRecord[]> {
    this.inFlight++
    try {
      const unstored = await this.#writeAll(records, signal, tries)
      this.batches++
      return unstored
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.limitedLog.flush()
    await this.#cluster.close()
  }

  protected async ping(signal: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await this.#cluster.ask({ method: 'GET', path: '/' }, signal)
      if (answer.status !== 200) return shortly(answer)
      return await ensureTemplate(this.#cluster, this.#options, signal)
    } catch (error) {
      signal.throwIfAborted()
      return errorText(error)
    }
  }

  /** Part by part: one that is too large is halved. */
  async #writeAll(records: Records, signal: AbortSignal, tries: number): Promise<readonly UnstoredRecord[]> {
    const unstored: UnstoredRecord[] = []
    const parts = [Uint32Array.from({ length: records.count }, (_, record) => record)]
    for (let part = parts.pop(), failures = 0; part !== undefined; ) {
      const numbers = part
      const sent = selectRecords(records, numbers)
      const outcome = await this.#send(sent, signal)
      if ('unstored' in outcome) {
        failures = 0
        this.#report(outcome, sent.count, tries)
        for (const each of outcome.unstored) unstored.push({ ...each, record: numbers[each.record] as number })
        part = parts.pop()
      } else if (!('tooLarge' in outcome)) await this.waitToRetry(failures++, outcome, signal)
      else if (numbers.length === 1) {
        unstored.push({ record: numbers[0] as number, reason: outcome.tooLarge })
        part = parts.pop()
      } else {
        const middle = Math.ceil(numbers.length / 2)
        parts.push(numbers.subarray(middle))
        part = numbers.subarray(0, middle)
      }
    }
    return unstored.sort((a, b) => a.record - b.record)
  }

  async #send(sent: Records, signal: AbortSignal): Promise<BulkAnswer | Failure | { readonly tooLarge: string }> {
    const startMs = performance.now()
    let answer: HttpAnswer
    try {
      answer = await this.waitFor(() => this.#cluster.bulk(sent.bytes, signal))
    } catch (error) {
      signal.throwIfAborted()
      return noAnswer(error)
    }
    if (answer.status === 413) return { tooLarge: shortly(answer) }
    const bulk = answer.status === 200 ? readBulkAnswer(answer.text, sent.count) : undefined
    if (bulk === undefined) return failureOf(answer)
    this.works()
    this.repeated += bulk.repeated
    const stored = sent.count - bulk.unstored.length
    if (stored > 0) this.countStored(stored, storedBytes(sent, bulk.unstored), (performance.now() - startMs) / 1000)
    return bulk
  }

  /** Says what is held, and gives up what did not pass in so many rounds. */
  #report({ passing, blocked }: BulkAnswer, count: number, tries: number): void {
    for (const [index, reason] of blocked) {
      this.lastError = `${index}: ${reason}`
      this.limitedLog.error(
        `blocked ${index}`,
        { index, error: reason },
        `${this.destination} takes no documents for an index; nothing is lost: they are held and written again, all others go on. Mend the index, its template or the account's rights`,
      )
    }
    if (passing === undefined) return
    const { flushRetries } = this.#options
    this.failures++
    this.lastError = passing
    if (flushRetries >= 0 && tries > flushRetries) {
      throw new GaveUp(
        `${this.destination} did not take documents, tried ${tries} times: ${passing}. Nothing is lost: what was not written is not committed, and is read again at the next start`,
      )
    }
    this.retries++
    this.limitedLog.warn(
      'passing',
      { error: passing, documents: count },
      `${this.destination} did not take all documents of a batch; those are kept and written again, the others are stored`,
    )
  }
}

function storedBytes(sent: Records, unstored: readonly UnstoredRecord[]): number {
  const startOf = (record: number) => (record === 0 ? 0 : sent.endOf(record - 1))
  return unstored.reduce((bytes, { record }) => bytes - (sent.endOf(record) - startOf(record)), sent.bytes.length)
}

function noAnswer(thrown: unknown): Failure {
  const [reason, error] = [errorText(thrown), toError(thrown)]
  const isCertificate = /certificate|altnames/i.test(reason)
  return { reason, error, ...(isCertificate && { variable: 'CFMR_ELASTICSEARCH_TLSCA, or at CFMR_ELASTICSEARCH_SKIPSSLVALIDATION' }) }
}

/** Of an answer to the whole request. What is not Elasticsearch's own comes from something before it. */
function failureOf(answer: HttpAnswer): Failure {
  const reason = shortly(answer)
  const failure = { reason, error: new Error(reason), retryAfterMs: retryAfterMs(answer.retryAfter, Date.now()) }
  const { status } = answer
  if (status === 401 || status === 403) {
    return { ...failure, variable: 'CFMR_ELASTICSEARCH_USERNAME and CFMR_ELASTICSEARCH_PASSWORD, or CFMR_ELASTICSEARCH_APIKEY' }
  }
  return status === 429 || status >= 500 ? failure : { ...failure, variable: 'CFMR_ELASTICSEARCH_URL' }
}
