import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { promisify } from 'node:util'
import { dropCounter, type GatewayEnvelope, Selection } from './envelope.ts'
import { GatewayRecord } from './record.ts'
import { GatewayStream, type StreamOptions } from './stream.ts'

export interface GatewayOptions extends Partial<Omit<StreamOptions, 'record' | 'dropped' | 'ended'>> {
  /** What UAA says of a token that came behind `bearer `: whether it is good, and for `logs.admin`. */
  readonly authorize: (token: string) => boolean
  /** A free one by default. */
  readonly port?: number
  /** PEM; without it the server speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** How often drops are told. */
  readonly dropReportMs?: number
}

interface RecordedRequest {
  readonly query: URLSearchParams
  readonly authorization: string | undefined
  readonly status: number
  readonly atMs: number
}

/** What answers in place of the gateway. */
export type Trouble = 'unknown_route' | 'bad_gateway' | 'uaa_down' | 'overloaded' | 'unavailable' | 'silent'

/**
 * Loggregator's RLP gateway as it answers on the wire, with the router before it: server-sent events of batches, sharing between the streams of
 * one shard, an end after a time, heartbeats, drops that it tells, and faults to order. Rights are judged at the start of a stream, and
 * whatever is wrong with them is 404.
 */
export class GatewayFake {
  readonly record = new GatewayRecord()
  readonly requests: RecordedRequest[] = []
  trouble: Trouble | undefined
  /** How many envelopes it has dropped because a stream's reader was slow; it says so in counters. */
  dropped = 0
  /** RLP takes no more. */
  maxStreams = 500
  readonly #options: GatewayOptions
  readonly #streams = new Set<GatewayStream>()
  #toldDrops = 0
  #server: Server | undefined
  #port: number
  #reports: NodeJS.Timeout | undefined

  static async start(options: GatewayOptions): Promise<GatewayFake> {
    const gateway = new GatewayFake(options)
    await gateway.#listen()
    gateway.#reports = setInterval(() => gateway.#tellDrops(), options.dropReportMs ?? 60_000).unref()
    return gateway
  }

  private constructor(options: GatewayOptions) {
    this.#options = options
    this.#port = options.port ?? 0
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`
  }

  get streams(): readonly GatewayStream[] {
    return [...this.#streams]
  }

  /** Each goes to one stream of every shard, taken by chance, and to every stream without a shard. */
  publish(...envelopes: readonly GatewayEnvelope[]): void {
    const groups = new Map<string, GatewayStream[]>()
    let alone = 0
    for (const stream of this.#streams) {
      const key = stream.shardId === '' ? `alone ${alone++}` : `shard ${stream.shardId}`
      groups.set(key, [...(groups.get(key) ?? []), stream])
    }
    for (const envelope of envelopes) {
      if (envelope.number !== undefined) this.record.published++
      if (groups.size === 0) this.record.note(envelope.number, 'unheard')
      for (const members of groups.values()) {
        const stream = members[Math.floor(Math.random() * members.length)] as GatewayStream
        if (stream.selection.takes(envelope)) stream.offer(envelope)
      }
    }
  }

  /** TCP connections to it. */
  async connections(): Promise<number> {
    const server = this.#server
    return server === undefined ? 0 : await promisify(server.getConnections.bind(server))()
  }

  freeze(): void {
    for (const stream of this.#streams) stream.freeze()
  }

  cut(): void {
    for (const stream of this.streams) stream.cut()
  }

  /** All streams end, and nobody answers until {@link comeBack}. */
  async goDown(): Promise<void> {
    for (const stream of this.streams) stream.end()
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    server.closeIdleConnections()
    const cut = setTimeout(() => server.closeAllConnections(), 1000)
    await closed
    clearTimeout(cut)
  }

  async comeBack(): Promise<void> {
    await this.#listen()
  }

  async close(): Promise<void> {
    clearInterval(this.#reports)
    for (const stream of this.streams) stream.end()
    this.#server?.closeAllConnections()
    await this.goDown()
  }

  async #listen(): Promise<void> {
    const { tls } = this.#options
    const listener = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response)
    const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener)
    await once(server.listen(this.#port, '127.0.0.1'), 'listening')
    this.#port = (server.address() as { port: number }).port
    this.#server = server
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url)
    const { authorization } = request.headers
    const { trouble } = this
    const refusal = trouble === 'silent' ? undefined : this.#refusal(request, pathname, query)
    this.requests.push({ query, authorization, status: refusal?.status ?? 200, atMs: Date.now() })
    if (trouble === 'silent') return
    if (refusal !== undefined) refuse(response, refusal)
    else if (trouble === 'overloaded' || this.#streams.size >= this.maxStreams) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }).end()
    } else this.#open(query.get('shard_id') ?? '', new Selection(query), response)
  }

  /** Undefined where a stream is opened. */
  #refusal({ method, headers }: IncomingMessage, path: string, query: URLSearchParams): Refusal | undefined {
    const { trouble } = this
    if (trouble === 'unknown_route') return { ...ROUTER.unknown_route, message: `Requested route ('${headers.host}') does not exist.` }
    if (trouble === 'bad_gateway') return ROUTER.bad_gateway
    if (path !== '/v2/read') return NOT_FOUND
    if (method !== 'GET') return { status: 405, error: 'method_not_allowed', message: 'method not allowed' }
    if (query.size === 0) return { status: 400, error: 'empty_query', message: 'query cannot be empty' }
    if (new Selection(query).isEmpty) {
      return { status: 400, error: 'missing_envelope_type', message: 'query must provide at least one envelope type' }
    }
    // It strips the lower-case word alone.
    const token = (headers.authorization ?? '').replace(/^bearer /, '')
    if (trouble === 'uaa_down' || token === '' || !this.#options.authorize(token)) return NOT_FOUND
    return trouble === 'unavailable'
      ? { status: 503, error: 'streaming_unavailable', message: 'streaming is temporarily unavailable' }
      : undefined
  }

  #open(shardId: string, selection: Selection, response: ServerResponse): void {
    const {
      streamTimeoutMs = 840_000,
      heartbeatMs = 15_000,
      batchEnvelopes = 100,
      batchMs = 100,
      bufferEnvelopes = 11_000,
      comma = '',
    } = this.#options
    const stream = new GatewayStream(response, shardId, selection, {
      ...{ streamTimeoutMs, heartbeatMs, batchEnvelopes, batchMs, bufferEnvelopes, comma },
      record: this.record,
      dropped: () => {
        this.dropped++
      },
      ended: (ended) => void this.#streams.delete(ended),
    })
    this.#streams.add(stream)
  }

  #tellDrops(): void {
    this.publish(dropCounter('reverse_log_proxy', this.dropped - this.#toldDrops, this.dropped, this.#options.comma))
    this.#toldDrops = this.dropped
  }
}

interface Refusal {
  readonly status: number
  readonly error: string
  readonly message: string
  readonly isRouters?: boolean
}

const NOT_FOUND: Refusal = { status: 404, error: 'not_found', message: 'resource not found' }

/** As gorouter answers where it has nobody to ask. */
const ROUTER = {
  unknown_route: { status: 404, error: 'unknown_route', isRouters: true },
  bad_gateway: {
    ...{ status: 502, error: 'endpoint_failure', isRouters: true },
    message: 'Registered endpoint failed to handle the request.',
  },
} as const

function refuse(response: ServerResponse, { status, error, message, isRouters = false }: Refusal): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', ...(isRouters && { 'x-cf-routererror': error }) }
  response
    .writeHead(status, headers)
    .end(isRouters ? `${status} ${STATUS_CODES[status]}: ${message}\n` : `${JSON.stringify({ error, message }, null, 2)}\n`)
}
