import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Pool } from 'undici'
import type { InfluxDbApi, InfluxDbResponse } from './answer.ts'

export interface InfluxDbConnectionOptions {
  /** Of the server, perhaps with a path before InfluxDB's own, never with credentials. */
  readonly url: string
  /** For `/write`… */
  readonly database?: string | undefined
  readonly retentionPolicy?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** …or, where a bucket is given, for `/api/v2/write`. */
  readonly org?: string | undefined
  readonly bucket?: string | undefined
  readonly token?: string | undefined
  /** For one request, from its first byte to the last of the answer. */
  readonly timeoutMs: number
  readonly pingTimeoutMs: number
  readonly skipSslValidation: boolean
  /** Certificates of authorities, in PEM, in place of Node's own. */
  readonly trusted?: readonly string[] | undefined
  readonly gzip: boolean
  /** Connections for writing; a ping has one more. */
  readonly maxWrites: number
}

/** An answer can name thousands of lines. What is longer is cut, and then names none. */
const LONGEST_ANSWER_BYTES = 8 * 2 ** 20
const compress = promisify(gzip)

/**
 * HTTP to an InfluxDB. undici's `request` sends the bytes of a batch as they are, for a seventh of a µs a line; the transport
 * of @influxdata/influxdb-client takes strings, copies them and opens a connection for each.
 */
export class InfluxDbConnection {
  readonly api: InfluxDbApi
  readonly #options: InfluxDbConnectionOptions
  readonly #pool: Pool
  readonly #basePath: string
  readonly #writePath: string
  readonly #headers: Readonly<Record<string, string>>

  constructor(options: InfluxDbConnectionOptions) {
    this.#options = options
    this.api = options.bucket === undefined ? 'v1' : 'v2'
    const url = new URL(options.url)
    this.#basePath = url.pathname.replace(/\/+$/, '')
    this.#writePath = this.#basePath + writePath(options)
    const authorization = authorizationOf(options)
    this.#headers = { 'user-agent': 'cf-metrics-refinery', ...(authorization === undefined ? {} : { authorization }) }
    this.#pool = new Pool(url.origin, {
      connections: options.maxWrites + 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        rejectUnauthorized: !options.skipSslValidation,
        timeout: options.timeoutMs,
        ...(options.trusted && { ca: [...options.trusted] }),
      },
    })
  }

  /** Resolves to the answer, whatever it says. Rejects where there is none: not reached, cut, too late, or `signal` aborted. */
  async write(lines: Uint8Array, signal: AbortSignal): Promise<InfluxDbResponse> {
    const headers: Record<string, string> = { ...this.#headers, 'content-type': 'text/plain; charset=utf-8' }
    let body = lines
    if (this.#options.gzip) {
      // One large chunk instead of many small ones halves the cost of the asynchronous call.
      body = await compress(lines, { level: 1, chunkSize: 512 * 1024 })
      headers['content-encoding'] = 'gzip'
    }
    return this.#request({ method: 'POST', path: this.#writePath, headers, body }, this.#options.timeoutMs, signal)
  }

  /** As `write`. */
  ping(signal: AbortSignal): Promise<InfluxDbResponse> {
    return this.#request({ method: 'GET', path: `${this.#basePath}/ping`, headers: this.#headers }, this.#options.pingTimeoutMs, signal)
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }

  async #request(
    request: Omit<Parameters<Pool['request']>[0], 'origin'>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<InfluxDbResponse> {
    signal.throwIfAborted()
    const ended = new AbortController()
    const abort = () => ended.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const timer = setTimeout(() => ended.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    try {
      const { statusCode, headers, body } = await this.#pool.request({ ...request, signal: ended.signal })
      return {
        status: statusCode,
        contentType: text(headers['content-type']),
        retryAfter: text(headers['retry-after']),
        routerError: text(headers['x-cf-routererror']),
        version: text(headers['x-influxdb-version']),
        isVictoriaMetrics: headers['x-server-hostname'] !== undefined,
        body: await readUpTo(body, LONGEST_ANSWER_BYTES),
      }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }
}

function writePath({ database, retentionPolicy, org, bucket }: InfluxDbConnectionOptions): string {
  const query = (parameters: Record<string, string | undefined>) =>
    new URLSearchParams(Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined))
  if (bucket === undefined) return `/write?${query({ db: database, rp: retentionPolicy, precision: 'ns' })}`
  return `/api/v2/write?${query({ org, bucket, precision: 'ns' })}`
}

/** In a header: what is in a URL ends in logs. */
function authorizationOf({ username, password, token }: InfluxDbConnectionOptions): string | undefined {
  if (token !== undefined) return `Token ${token}`
  return username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
}

async function readUpTo(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxBytes) break
  }
  return Buffer.concat(chunks).toString()
}

const text = (header: IncomingHttpHeaders[string]): string | undefined => (Array.isArray(header) ? header[0] : header)
