import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { GaveUp } from '../lib/errors.ts'
import { limitedLog } from '../lib/limited-log.ts'
import { sleep } from '../lib/sleep.ts'
import { basicAuth, CHALLENGE } from './basic-auth.ts'
import { type ConnectionLimits, Connections } from './connections.ts'
import { CpuProfiler } from './cpu-profile.ts'
import { Metrics } from './metrics.ts'
import { type Reply, text } from './reply.ts'
import { PUBLIC_PATHS, routes } from './routes.ts'
import type { StatsSources } from './sources.ts'
import { Stats } from './stats.ts'

export interface DebugServerOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly username: string
  /** Undefined: nothing asks for a login. */
  readonly password: string | undefined
  /** Whether CPU profiles may be taken. */
  readonly profiling: boolean
  /** 200, of which one without a request ends after 30 s, unless told otherwise. */
  readonly connections?: ConnectionLimits
  readonly sources: StatsSources
  readonly log: Logger
}

const SAMPLE_MS = 1000
const SAMPLES_PER_LOG = 60
/** Longer than the 90 s for which Cloud Foundry's router keeps an idle connection: the router is to close it, not we under its hands. */
const KEEP_ALIVE_MS = 95_000
/** Longer than the longest profile, during which nothing is sent. */
const SILENT_SOCKET_MS = 120_000
const CONNECTIONS: ConnectionLimits = { max: 200, silentMs: 30_000 }
const CLOSE_MS = 500

/**
 * The HTTP server for looking inside. It changes nothing, and nothing that is sent to it, nor an error of its own, can stop the
 * process. While it is started it also makes the rates, and writes the figures to the log once a minute and at the end.
 */
export class DebugServer {
  readonly #options: DebugServerOptions
  readonly #log: Logger
  readonly #stats: Stats
  readonly #metrics: Metrics
  readonly #routes: ReturnType<typeof routes>
  readonly #isAllowed: (header: string | undefined) => boolean
  readonly #failures: ReturnType<typeof limitedLog>
  readonly #server: Server
  readonly #closing = new AbortController()
  /** Of each request that is being answered: aborts when nobody waits for the answer any more. */
  readonly #pending = new Set<AbortController>()

  constructor(options: DebugServerOptions) {
    const { username, password, profiling, sources, log } = options
    this.#options = options
    this.#log = log
    this.#failures = limitedLog(log)
    this.#stats = new Stats(sources)
    this.#metrics = new Metrics(sources.inputs.map(({ input }) => input))
    const profiler = profiling ? new CpuProfiler() : undefined
    this.#routes = routes({ sources, stats: this.#stats, metrics: this.#metrics, profiler })
    this.#isAllowed = password === undefined ? () => true : basicAuth(username, password)
    this.#server = createServer(
      { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: KEEP_ALIVE_MS },
      (request, response) => {
        void this.#serve(request, response)
      },
    )
    this.#server.timeout = SILENT_SOCKET_MS
    new Connections(this.#server, options.connections ?? CONNECTIONS)
  }

  /** Where it listens; 0 before it does. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  /** Resolves once it listens; rejects with GaveUp where it cannot. */
  async start(): Promise<void> {
    const { port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const what = `The HTTP server cannot listen on port ${port} (CFMR_SERVER_PORT, else PORT). Nothing was read, so nothing is lost`
        reject(new GaveUp(what, { cause }))
      })
      this.#server.listen(port, resolve)
    })
    this.#server.on('error', (error) => this.#failures.warn('server', { error }, 'The HTTP server has a problem; everything else goes on'))
    this.#log.info({ port: this.port }, `HTTP server listens on port ${this.port}`)
    void this.#watch()
  }

  /** Ends what is being answered, too. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#logStats()
    this.#closing.abort()
    for (const gone of this.#pending) gone.abort()
    this.#failures.flush()
    this.#metrics.close()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { unref: true })])
    this.#server.closeAllConnections()
    await closed
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing
    for (let samples = 1; !signal.aborted; samples++) {
      await sleep(SAMPLE_MS, signal, { unref: true })
      this.#stats.sample()
      if (samples % SAMPLES_PER_LOG === 0 && !signal.aborted) this.#logStats()
    }
  }

  /** Partitions are only counted here: there may be hundreds. */
  #logStats(): void {
    const { kafka, runtime: _, ...stats } = this.#stats.snapshot()
    this.#log.info({ stats: { ...stats, kafka: { ...kafka, partitions: kafka.partitions.length } } }, 'Stats')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    // Not AbortSignal.any with `#closing`: on Node 20 each leaves something behind in the signal that lives on.
    this.#pending.add(gone)
    response.once('close', () => {
      this.#pending.delete(gone)
      gone.abort()
    })
    try {
      send(request, response, await this.#answer(request, gone.signal))
    } catch (err) {
      this.#failures.error(
        'answer',
        { err, path: request.url?.slice(0, 100) },
        'A request to the HTTP server failed by a bug of ours; everything else goes on',
      )
      if (!response.headersSent) send(request, response, text(500, 'Something went wrong; the log says what.'))
      else response.destroy()
    }
  }

  async #answer(request: IncomingMessage, gone: AbortSignal): Promise<Reply> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    if (!PUBLIC_PATHS.has(path) && !this.#isAllowed(request.headers.authorization)) {
      return text(401, 'A login is needed.', { 'www-authenticate': CHALLENGE })
    }
    const route = this.#routes.get(path)
    if (route === undefined) return text(404, 'There is nothing here; / has the links.')
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'Only GET and HEAD.', { allow: 'GET, HEAD' })
    return route(new URLSearchParams(query), gone)
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers = {} }: Reply): void {
  const bytes = Buffer.from(body)
  // Nobody reads a body that comes with a request: the connection ends instead of carrying the rest of it.
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ...(hasBody && { connection: 'close' }),
    ...headers,
  })
  response.end(bytes)
}
