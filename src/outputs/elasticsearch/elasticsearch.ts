import type { Output, Records, UnstoredRecord } from '../../flow/contracts.ts'
import { selectRecords } from '../../flow/select-records.ts'
import { retryAfterMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { GaveUp, toError } from '../../lib/errors.ts'
import type { HttpAnswer } from '../../lib/http-server.ts'
import { type Failure, type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { type BulkAnswer, isInvalidRequest, readBulkAnswer } from './bulk-answer.ts'
import { Cluster } from './cluster.ts'
import { Halving } from './halving.ts'
import { ensureTemplate, shortly } from './index-templates.ts'
import { StuckRounds } from './stuck-rounds.ts'
import type { ElasticsearchSettings } from './variables.ts'

/** Requests under way at once. */
export const MAX_WRITES = 2

const LOGIN = 'CFMR_ELASTICSEARCH_USERNAME and CFMR_ELASTICSEARCH_PASSWORD, or CFMR_ELASTICSEARCH_APIKEY'

export type ElasticsearchOptions = ElasticsearchSettings & Pick<RetryingOptions, 'backoff' | 'log'>

/** A request was refused as a whole: its documents were not looked at. */
type NotJudged = { readonly tooLarge: string } | { readonly invalid: string }

/**
 * Documents to Elasticsearch or OpenSearch, by `_bulk` with `create`: each under its event's id, so that one that comes again is
 * there already. Items are judged one by one; what concerns some of them alone never keeps the others out.
 */
export class Elasticsearch extends RetryingOutput implements Output {
  readonly #options: ElasticsearchOptions
  readonly #cluster: Cluster
  readonly #stuck = new StuckRounds()

  constructor(options: ElasticsearchOptions) {
    super(options, {
      name: `Elasticsearch at ${options.urls.join(', ')}`,
      addressVariable: 'CFMR_ELASTICSEARCH_URL',
      startTimeoutVariable: 'CFMR_ELASTICSEARCH_STARTTIMEOUT',
    })
    this.#options = options
    this.#cluster = new Cluster(options, MAX_WRITES + 1, (url, reason) => this.#reportAway(url, reason))
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
      if (isLoginRefused(answer)) return `${shortly(answer)}; look at ${LOGIN}`
      if (answer.status !== 200) return shortly(answer)
      return await ensureTemplate(this.#cluster, this.#options, signal)
    } catch (error) {
      signal.throwIfAborted()
      return errorText(error)
    }
  }

  /** Part by part: what is refused as a whole is halved. */
  async #writeAll(records: Records, signal: AbortSignal, tries: number): Promise<readonly UnstoredRecord[]> {
    const unstored: UnstoredRecord[] = []
    const halving = new Halving(records.count)
    for (let failures = 0, numbers = halving.next; numbers !== undefined; numbers = halving.next) {
      const sent = selectRecords(records, numbers)
      const outcome = await this.#send(sent, signal)
      if ('unstored' in outcome) {
        failures = 0
        halving.judged()
        this.#report(outcome, sent.count, tries)
        for (const each of outcome.unstored) unstored.push({ ...each, record: numbers[each.record] as number })
      } else if ('tooLarge' in outcome) halving.tooLarge(outcome.tooLarge)
      else if ('invalid' in outcome) {
        halving.invalid(outcome.invalid)
        if (halving.isDoubtful) {
          await this.waitToRetry(failures++, doubt(outcome.invalid), signal)
          halving.restart()
        }
      } else await this.waitToRetry(failures++, outcome, signal)
    }
    return [...unstored, ...halving.refused].sort((a, b) => a.record - b.record)
  }

  async #send(sent: Records, signal: AbortSignal): Promise<BulkAnswer | Failure | NotJudged> {
    const startMs = performance.now()
    let answer: HttpAnswer
    try {
      answer = await this.waitFor(() => this.#cluster.bulk(sent.bytes, signal))
    } catch (error) {
      signal.throwIfAborted()
      return noAnswer(error)
    }
    if (answer.status === 413) return { tooLarge: shortly(answer) }
    if (isInvalidRequest(answer)) return { invalid: shortly(answer) }
    const bulk = answer.status === 200 ? readBulkAnswer(answer.text, sent.count) : undefined
    if (bulk === undefined) return failureOf(answer)
    this.works()
    this.repeated += bulk.repeated
    const stored = sent.count - bulk.unstored.length
    if (stored > 0) this.countStored(stored, storedBytes(sent, bulk.unstored), (performance.now() - startMs) / 1000)
    return bulk
  }

  /** Says what is held, and gives up what did not pass in so many rounds. */
  #report({ unstored, passing, blocked }: BulkAnswer, count: number, tries: number): void {
    for (const [index, reason] of blocked) {
      this.lastError = `${index}: ${reason}`
      this.limitedLog.error(
        `blocked ${index}`,
        { index, error: reason },
        `${this.destination} takes no documents for an index; nothing is lost: they are held and written again, all others go on. Mend the index, its template or the account's rights`,
      )
    }
    if (tries > 0 && unstored.filter(({ isHeld }) => isHeld === true).length < count) this.#stuck.progress(tries)
    if (passing === undefined) return
    const { flushRetries } = this.#options
    const rounds = this.#stuck.passing(tries)
    this.failures++
    this.lastError = passing
    if (flushRetries >= 0 && rounds >= flushRetries) {
      throw new GaveUp(
        `${this.destination} did not take documents, tried ${rounds + 1} times: ${passing}. Nothing is lost: what was not written is not committed, and is read again at the next start`,
      )
    }
    this.retries++
    this.limitedLog.warn(
      'passing',
      { error: passing, documents: count },
      `${this.destination} did not take all documents of a batch; those are kept and written again, the others are stored`,
    )
  }

  #reportAway(url: string, reason: string): void {
    this.failures++
    this.lastError = `${url}: ${reason}`
    this.limitedLog.warn(
      `away ${url}`,
      { url, error: reason },
      `${this.destination}: a node cannot be reached; the next one is asked at once`,
    )
  }
}

/** Every request was called invalid, whatever was in it. */
function doubt(answer: string): Failure {
  const reason = `refuses every request in whatever part it is sent: ${answer}`
  return { reason, error: new Error(reason), variable: 'CFMR_ELASTICSEARCH_URL' }
}

const isLoginRefused = ({ status }: HttpAnswer) => status === 401 || status === 403

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
  if (isLoginRefused(answer)) {
    return { ...failure, variable: LOGIN }
  }
  return status === 429 || status >= 500 ? failure : { ...failure, variable: 'CFMR_ELASTICSEARCH_URL' }
}
