import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { type FakeAnswer, reply } from './influxdb.ts'

interface FakeBulk {
  readonly headers: IncomingMessage['headers']
  /** Of its documents, in their order. */
  readonly ids: readonly string[]
}

/** What an item of the answer says. */
interface FakeItem {
  readonly status: number
  readonly error?: { readonly type: string; readonly reason: string }
}

export interface FakeElasticsearch {
  readonly url: string
  /** In the order they came. */
  readonly bulks: readonly FakeBulk[]
  /** Ids of what is stored. */
  readonly stored: ReadonlySet<string>
  /** What it answers to a whole request; undefined, as by default: it judges each document. May be changed at any time. */
  onBulk: (bulk: FakeBulk, number: number) => FakeAnswer | undefined
  /** What it makes of a document; undefined, as by default: stores it, or says that it is there. */
  onItem: (id: string) => FakeItem | undefined
  /** What it answers to anything else. */
  onAsk: (path: string) => FakeAnswer
  close(): Promise<void>
}

/** An Elasticsearch that misbehaves on the wire as told. */
export async function startFakeElasticsearch(): Promise<FakeElasticsearch> {
  const bulks: FakeBulk[] = []
  const stored = new Set<string>()
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => void handle(request, response))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')

  const fake: FakeElasticsearch = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bulks,
    stored,
    onBulk: () => undefined,
    onItem: () => undefined,
    onAsk: () => ({ status: 200, body: {} }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? ''
    const body = await text(request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request)
    if (!url.startsWith('/_bulk')) return reply(fake.onAsk(url), response)
    const actions = body.split('\n').filter((_, line) => line % 2 === 0)
    const ids = actions.slice(0, -1).map((action) => (JSON.parse(action) as { create: { _id: string } }).create._id)
    const bulk = { headers: request.headers, ids }
    const items = () => ids.map((id) => ({ create: judge(id) }))
    reply(fake.onBulk(bulk, bulks.push(bulk)) ?? { status: 200, body: { took: 1, items: items() } }, response)
  }

  function judge(id: string): FakeItem {
    const item = fake.onItem(id)
    if (item !== undefined) return item
    if (stored.has(id)) return { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'document already exists' } }
    stored.add(id)
    return { status: 201 }
  }
  return fake
}
