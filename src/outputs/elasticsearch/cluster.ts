import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type HttpAnswer, type HttpCall, HttpServer } from '../../lib/http-server.ts'
import type { ElasticsearchSettings } from './variables.ts'

const compress = promisify(gzip)
/** An entry for each item, and no more of it than is looked at. A filter on errors alone would leave out the good ones and shift the rest. */
const BULK = '/_bulk?filter_path=took,errors,error,items.*._index,items.*.status,items.*.error'
const AWAY = new Set([502, 503, 504])

export type ClusterSettings = Pick<
  ElasticsearchSettings,
  'urls' | 'username' | 'password' | 'apiKey' | 'timeoutMs' | 'ca' | 'cert' | 'key' | 'skipSslValidation' | 'gzip'
>

interface Node {
  readonly url: string
  readonly server: HttpServer
}

/** The nodes that are given, of which one is asked as long as it answers. */
export class Cluster {
  readonly #nodes: readonly Node[]
  readonly #gzip: boolean
  #current = 0

  constructor(settings: ClusterSettings, connections: number) {
    const headers = { 'user-agent': 'cf-metrics-refinery', ...authorizationOf(settings) }
    this.#gzip = settings.gzip
    this.#nodes = settings.urls.map((url) => ({ url, server: new HttpServer({ ...settings, url, headers, connections }) }))
  }

  /** Of the node that is asked next. */
  get url(): string {
    return this.#nodes[this.#current]?.url ?? ''
  }

  /** Resolves to the answer, whatever it says. Rejects where there is none; then another node is asked the next time. */
  async ask(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    const asked = this.#current
    try {
      const answer = await (this.#nodes[asked] as Node).server.ask(call, signal)
      if (AWAY.has(answer.status)) this.#passOver(asked)
      return answer
    } catch (error) {
      signal.throwIfAborted()
      this.#passOver(asked)
      throw error
    }
  }

  async bulk(lines: Uint8Array, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { 'content-type': 'application/x-ndjson', ...(this.#gzip && { 'content-encoding': 'gzip' }) }
    const body = this.#gzip ? await compress(lines, { level: 1, chunkSize: 512 * 1024 }) : lines
    return this.ask({ method: 'POST', path: BULK, headers, body }, signal)
  }

  askJson(method: HttpCall['method'], path: string, signal: AbortSignal, body?: object): Promise<HttpAnswer> {
    const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return this.ask({ method, path, ...sent }, signal)
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ server }) => server.close()))
  }

  #passOver(asked: number): void {
    if (this.#current === asked) this.#current = (asked + 1) % this.#nodes.length
  }
}

/** In a header: what is in a URL ends in logs. */
function authorizationOf({ username, password, apiKey }: ClusterSettings): Record<string, string> {
  if (apiKey !== undefined) return { authorization: `ApiKey ${apiKey}` }
  if (username === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
}
