import cf, { type RequestOptions, type Rest } from 'cf-nodejs-client'
import type { HttpClient, HttpReply } from './http-client.ts'
import type { Token } from './uaa-token.ts'

/** Inlines space and organization, and nothing else: routes and bindings would make an answer many times as long. */
const INLINE = { 'inline-relations-depth': 2, 'include-relations': 'space,organization' }

/** cf-nodejs-client lists apps, and sums one up; this is the request for a single app, in the library's own manner. */
class Apps extends cf.Apps {
  getApp(guid: string): Promise<unknown> {
    const { token_type, access_token } = this.UAA_TOKEN
    const headers = { Authorization: `${token_type} ${access_token}` }
    return this.REST.request({ method: 'GET', url: `${this.API_URL}/v2/apps/${encodeURIComponent(guid)}`, headers, qs: INLINE }, 200, true)
  }
}

/**
 * cf-nodejs-client's requests over our own transport. Its own switches TLS verification off, waits for ever, and tells a
 * failure by a raw string without the status, so that a 404 of one kind looks like a 404 of another.
 */
export class V2Client {
  readonly #api: string
  readonly #token: Token
  readonly #rest: Rest

  /** Aborting `signal` ends the requests that are under way. */
  constructor(api: string, token: Token, http: HttpClient, signal: AbortSignal) {
    this.#api = api
    this.#token = token
    this.#rest = { request: (options) => http.send(toHttpRequest(options), signal) }
  }

  app(guid: string): Promise<HttpReply> {
    return this.#over(new Apps(this.#api)).getApp(guid) as Promise<HttpReply>
  }

  apps(page: number, perPage: number): Promise<HttpReply> {
    return this.#over(new Apps(this.#api)).getApps({ page, 'results-per-page': perPage, ...INLINE }) as Promise<HttpReply>
  }

  space(guid: string): Promise<HttpReply> {
    return this.#over(new cf.Spaces(this.#api)).getSpace(guid) as Promise<HttpReply>
  }

  organization(guid: string): Promise<HttpReply> {
    return this.#over(new cf.Organizations(this.#api)).getSummary(guid) as Promise<HttpReply>
  }

  #over<T extends { REST: Rest; setToken(token: Token): void }>(model: T): T {
    model.REST = this.#rest
    model.setToken(this.#token)
    return model
  }
}

function toHttpRequest({ method, url, headers = {}, qs = {} }: RequestOptions): Parameters<HttpClient['send']>[0] {
  if (method !== 'GET') throw new Error(`${method} ${url}: this program only reads`)
  const query = new URLSearchParams(Object.entries(qs).map(([key, value]): [string, string] => [key, String(value)])).toString()
  return { method, url: query === '' ? url : `${url}?${query}`, headers: { ...headers, accept: 'application/json' } }
}
