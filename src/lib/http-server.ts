import { Pool } from 'undici'

export interface HttpServerOptions {
  /** Scheme, host and port, perhaps with a path. */
  readonly url: string
  /** Of every request. */
  readonly headers: Readonly<Record<string, string>>
  /** For one request, from its first byte to the last of the answer. */
  readonly timeoutMs: number
  readonly connections: number
  readonly skipSslValidation: boolean
  /** Certificates of authorities in place of Node's own; a certificate and its key to be known by. PEM. */
  readonly ca?: string | readonly string[] | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** The same with a body of any kind. */
export type HttpBytes = Omit<HttpAnswer, 'text'> & { readonly bytes: Buffer }

export interface HttpCall {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  /** Behind the server's own path. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

/** Connections to one HTTP server. */
export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #pool: Pool
  readonly #basePath: string

  constructor(options: HttpServerOptions) {
    this.#options = options
    const { origin, pathname } = new URL(options.url)
    this.#basePath = pathname.replace(/\/+$/, '')
    const { skipSslValidation, ca, cert, key, timeoutMs } = options
    this.#pool = new Pool(origin, {
      connections: options.connections,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        rejectUnauthorized: !skipSslValidation,
        timeout: timeoutMs,
        ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
      },
    })
  }

  /** Resolves to the answer, whatever it says. Rejects where there is none: not reached, cut, too late, or `signal` aborted. */
  async ask(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    const { status, retryAfter, bytes } = await this.askBytes(call, signal)
    return { status, retryAfter, text: new TextDecoder().decode(bytes) }
  }

  /** As {@link ask}. */
  async askBytes({ method, path, headers, body }: HttpCall, signal: AbortSignal): Promise<HttpBytes> {
    signal.throwIfAborted()
    const { timeoutMs } = this.#options
    const ended = new AbortController()
    const abort = () => ended.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const timer = setTimeout(() => ended.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    try {
      const answer = await this.#pool.request({
        method,
        path: this.#basePath + path,
        headers: { ...this.#options.headers, ...headers },
        body: body ?? null,
        signal: ended.signal,
      })
      const retryAfter = answer.headers['retry-after']
      return {
        status: answer.statusCode,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : retryAfter?.[0],
        bytes: Buffer.from(await answer.body.arrayBuffer()),
      }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }
}
