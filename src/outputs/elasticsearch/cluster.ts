import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { errorText } from '../../lib/error-text.ts'
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

/** Told of a node that cannot be reached, where another one is asked at once in its place. */
export type OnAway = (url: string, reason: string) => void

/** The nodes that are given, of which one is asked as long as it answers. */
export class Cluster {
  readonly #nodes: readonly Node[]
  readonly #gzip: boolean
  readonly #onAway: OnAway
  #current = 0

  constructor(settings: ClusterSettings, connections: number, onAway: OnAway = () => {}) {
    this.#onAway = onAway
    const headers = { 'user-agent': 'cf-metrics-refinery', ...authorizationOf(settings) }
    this.#gzip = settings.gzip
    this.#nodes = settings.urls.map((url) => ({ url, server: new HttpServer({ ...settings, url, headers, connections }) }))
  }

  /**
   * Resolves to the answer, whatever it says. Each node is asked once where those before it cannot be reached; rejects where none
   * answers, and where one takes too long. Then, and where one says that it cannot serve, another is asked the next time.
   */
  async ask(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    for (let asked = this.#current, left = this.#nodes.length - 1; ; left--) {
      const { url, server } = this.#nodes[asked] as Node
      try {
        const answer = await server.ask(call, signal)
        if (AWAY.has(answer.status)) this.#passOver(asked)
        return answer
      } catch (error) {
        signal.throwIfAborted()
        this.#passOver(asked)
        if (left === 0 || !isBroken(error)) throw error
        this.#onAway(url, errorText(error))
      }
      asked = (asked + 1) % this.#nodes.length
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

/** The connection was not made, or it broke: not a request that took too long, which a busy cluster should not get twice at once. */
const isBroken = (error: unknown) => error instanceof Error && 'code' in error

/** In a header: what is in a URL ends in logs. */
function authorizationOf({ username, password, apiKey }: ClusterSettings): Record<string, string> {
  if (apiKey !== undefined) return { authorization: `ApiKey ${apiKey}` }
  if (username === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
}
