import { apiUrl, type CloudControllerOptions, httpClientFor, tokenFor } from './enricher/cloud-controller-options.ts'
import type { HttpClient } from './enricher/http-client.ts'
import type { UaaToken } from './enricher/uaa-token.ts'

export interface LogStreamOptions extends CloudControllerOptions {
  /** Where the gateway is; without it the API says so, or its own address tells. */
  readonly url?: string | undefined
}

const EXCERPT_CHARACTERS = 200

/** Where Loggregator's gateway is, and a login for it: the same account as for Cloud Controller. */
export class LogStream {
  readonly #options: LogStreamOptions
  readonly #http: HttpClient
  readonly #token: UaaToken
  #url: string | undefined

  constructor(options: LogStreamOptions) {
    this.#options = options
    this.#url = options.url
    this.#http = httpClientFor(options)
    this.#token = tokenFor(options, this.#http, '/', ({ links }) => {
      const { uaa, login } = (links ?? {}) as Links
      return uaa?.href ?? login?.href
    })
  }

  /** Found once. Rejects with RequestFailed where it cannot be. */
  async url(signal: AbortSignal): Promise<string> {
    this.#url ??= await this.#find(signal)
    return this.#url
  }

  async token(signal: AbortSignal): Promise<string> {
    return (await this.#token.get(signal)).access_token
  }

  async renew(refused: string, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#token.replace({ token_type: 'bearer', access_token: refused }, signal))?.access_token
  }

  readonly excerpt = (text: string): string => this.#http.secrets.excerpt(text, EXCERPT_CHARACTERS)

  async close(): Promise<void> {
    await this.#http.close()
  }

  async #find(signal: AbortSignal): Promise<string> {
    const api = apiUrl(this.#options)
    const reply = await this.#http.send({ method: 'GET', url: `${api}/`, headers: { accept: 'application/json' } }, signal)
    const { links } = (this.#http.json(reply) ?? {}) as { readonly links?: Links }
    const href = links?.log_stream?.href
    if (isAddress(href)) return href.replace(/\/+$/, '')
    const derived = api.replace('://api.', '://log-stream.')
    if (derived !== api) return derived
    throw this.#http.unusable(reply, 'the answer does not say where the firehose is (links.log_stream): set CFMR_FIREHOSE_URL')
  }
}

/** What a stream can be opened to, and what may be seen. */
function isAddress(href: unknown): href is string {
  if (typeof href !== 'string' || !URL.canParse(href)) return false
  const { protocol, username, password } = new URL(href)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

interface Links {
  readonly uaa?: { readonly href?: unknown }
  readonly login?: { readonly href?: unknown }
  readonly log_stream?: { readonly href?: unknown }
}
