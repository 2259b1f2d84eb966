import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'

export interface FakeWrite {
  /** `/write?…` */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly lines: readonly string[]
}

/** An answer, or a way of not giving one. */
export type FakeAnswer =
  | { readonly status: number; readonly body?: string | object; readonly headers?: Readonly<Record<string, string>> }
  /** Never answers. */
  | 'hang'
  /** Resets the connection. */
  | 'reset'
  /** Promises more of an answer than it gives, then closes. */
  | 'cut'
  /** Begins an answer and sends it a byte at a time, for ever. */
  | 'drip'

export interface FakeInfluxDb {
  readonly url: string
  /** In the order they came. */
  readonly writes: readonly FakeWrite[]
  readonly pings: number
  /** What it makes of a write; 204 by default. May be changed at any time. */
  onWrite: (write: FakeWrite, number: number) => FakeAnswer | Promise<FakeAnswer>
  onPing: () => FakeAnswer
  /** What a 204 was answered for. */
  readonly stored: ReadonlySet<string>
  close(): Promise<void>
}

/** An InfluxDB that misbehaves on the wire as told. What it does with a batch is up to the test: `stored` only knows whole ones. */
export async function startFakeInfluxDb({
  tls,
}: {
  readonly tls?: { readonly key: string; readonly cert: string }
} = {}): Promise<FakeInfluxDb> {
  const writes: FakeWrite[] = []
  const stored = new Set<string>()
  const sockets = new Set<Socket>()
  let pings = 0
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(request, response)
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')

  const fake = {
    url: `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    writes,
    stored,
    get pings() {
      return pings
    },
    onWrite: (): FakeAnswer | Promise<FakeAnswer> => ({ status: 204 }),
    onPing: (): FakeAnswer => ({ status: 204 }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  } satisfies FakeInfluxDb as FakeInfluxDb

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? ''
    if (/\/ping$/.test(url)) {
      pings++
      return reply(fake.onPing(), response)
    }
    const body = await text(request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request)
    const write = { url, headers: request.headers, lines: body.split('\n').slice(0, -1) }
    const answer = await fake.onWrite(write, writes.push(write))
    if (typeof answer === 'object' && answer.status === 204) for (const line of write.lines) stored.add(line)
    reply(answer, response)
  }
  return fake
}

/** Answers as told. */
export function reply(answer: FakeAnswer, response: ServerResponse): void {
  if (answer === 'hang') return
  if (answer === 'reset') {
    response.socket?.resetAndDestroy()
  } else if (answer === 'cut') {
    response.writeHead(500, { 'content-length': 1000 }).write('{"error":')
    setImmediate(() => response.socket?.end())
  } else if (answer === 'drip') {
    response.writeHead(500, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 20)
    response.once('close', () => clearInterval(timer))
  } else {
    const { status, body = '', headers } = answer
    const isJson = typeof body === 'object'
    response
      .writeHead(status, { ...(isJson && { 'content-type': 'application/json' }), ...headers })
      .end(isJson ? JSON.stringify(body) : body)
  }
}
