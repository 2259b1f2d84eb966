import { toError } from '../../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../../lib/limited-log.ts'
import type { AppAnswers, AppMetadata, MetadataSource, SourceTraffic } from '../metadata.ts'
import { apiUrl, type CloudControllerOptions, httpClientFor, tokenFor } from './cloud-controller-options.ts'
import type { HttpClient, HttpReply } from './http-client.ts'
import { RequestFailed } from './request-failed.ts'
import type { UaaToken } from './uaa-token.ts'
import { readV3Page, type V3Page } from './v3-page.ts'
import { withRetries } from './with-retries.ts'

const INCLUDE = 'include=space.organization'

interface V3Answer {
  readonly page: V3Page
  readonly reply: HttpReply
}

/** Cloud Controller's v3 API. */
export class CloudController implements MetadataSource {
  readonly maxGuids = 200
  readonly #options: CloudControllerOptions
  readonly #http: HttpClient
  readonly #token: UaaToken
  readonly #apps: string
  readonly #log: LimitedLog

  constructor(options: CloudControllerOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
    this.#apps = `${apiUrl(options)}/v3/apps`
    this.#http = httpClientFor(options)
    this.#token = tokenFor(options, this.#http, '/', uaaLink)
  }

  get traffic(): SourceTraffic {
    return this.#http
  }

  async fetchApps(guids: readonly string[], signal: AbortSignal): Promise<AppAnswers> {
    // Without per_page there are 50 in an answer, and the others would look as if they did not exist.
    const query = `?guids=${guids.map(encodeURIComponent).join(',')}&${INCLUDE}&per_page=${this.maxGuids}`
    const listed = new Map<string, AppMetadata>()
    const incomplete = new Set<string>()
    let count = 0
    let failure: RequestFailed | undefined
    try {
      for await (const { page, reply } of this.#pages(query, (url) => this.#page(url, signal))) {
        for (const app of page.apps) listed.set(app.app_guid, app)
        for (const guid of page.incomplete) incomplete.add(guid)
        count = listed.size + incomplete.size
        if (page.next === undefined && count !== page.totalResults) {
          throw this.#http.unusable(reply, `of ${page.totalResults} apps ${count} came, so nothing can be said of those that did not`)
        }
      }
    } catch (error) {
      signal.throwIfAborted()
      failure = error instanceof RequestFailed ? error : new RequestFailed(toError(error).message, { cause: error })
    }
    const found = guids.flatMap((guid) => listed.get(guid) ?? [])
    const absent = failure === undefined ? guids.filter((guid) => !listed.has(guid) && !incomplete.has(guid)) : []
    if (failure === undefined && guids.some((guid) => incomplete.has(guid))) {
      failure = new RequestFailed(`${this.#apps}: ${incomplete.size} apps came without their space or organization`)
    }
    if (failure === undefined) return { found, absent, failure }
    const { retryAfterMs } = failure
    return { found, absent, failure: { error: failure, ...(retryAfterMs !== undefined && { retryAfterMs }) } }
  }

  async *listApps(signal: AbortSignal): AsyncGenerator<readonly AppMetadata[]> {
    const { resultsPerPage, retries, log } = this.#options
    const query = `?${INCLUDE}&per_page=${resultsPerPage}`
    const get = (url: string) => withRetries({ retries, log, signal }, () => this.#page(url, signal))
    for await (const { page, reply } of this.#pages(query, get)) {
      const { length } = page.incomplete
      if (length > 0 && page.apps.length === 0) {
        throw this.#http.unusable(reply, 'no app came with its space and organization: is this Cloud Controller too old for include?')
      }
      if (length > 0) {
        this.#log.warn('incomplete', { apps: length }, 'Metadata: apps came without space or organization; they are looked up when needed')
      }
      yield page.apps
    }
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  /** Follows `next` from page to page; only its query, for the token is for no other place than the API that was configured. */
  async *#pages(query: string, get: (url: string) => Promise<V3Answer>): AsyncGenerator<V3Answer> {
    const seen = new Set<string>()
    for (let next: string | undefined = query; next !== undefined; ) {
      seen.add(next)
      const answer: V3Answer = await get(this.#apps + next)
      yield answer
      next = answer.page.next
      if (next !== undefined && seen.has(next)) throw this.#http.unusable(answer.reply, 'its pages go round in circles')
    }
  }

  async #page(url: string, signal: AbortSignal): Promise<V3Answer> {
    const reply = await this.#get(url, signal)
    const page = readV3Page(this.#http.json(reply))
    if (page === undefined) throw this.#http.unusable(reply, 'the answer is not a list of apps')
    return { page, reply }
  }

  async #get(url: string, signal: AbortSignal): Promise<HttpReply> {
    const token = await this.#token.get(signal)
    const reply = await this.#send(url, token.access_token, signal)
    if (reply.status !== 401) return reply
    const other = await this.#token.replace(token, signal)
    return other === undefined ? reply : await this.#send(url, other.access_token, signal)
  }

  #send(url: string, token: string, signal: AbortSignal): Promise<HttpReply> {
    return this.#http.send({ method: 'GET', url, headers: { authorization: `bearer ${token}`, accept: 'application/json' } }, signal)
  }
}

/** `GET /` names UAA; old foundations only its login server, which answers for it. */
function uaaLink({ links }: Record<string, unknown>): unknown {
  const { uaa, login } = (links ?? {}) as { uaa?: { href?: unknown }; login?: { href?: unknown } }
  return uaa?.href ?? login?.href
}
