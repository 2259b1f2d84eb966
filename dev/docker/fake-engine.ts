import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { scratchFolder } from '../scratch-folder.ts'

/** A container as the fake has it. */
export interface FakeContainer {
  readonly id: string
  readonly name: string
  readonly tty?: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly env?: readonly string[]
  readonly image?: string
  /** Of its log; each answer to a request for it is made by the next of these, the last one again and again. */
  readonly logs: readonly LogAnswer[]
  /** The last records that the log has, at most so many of them, in the order of the log: for requests that do not follow it. Without it there are none. */
  readonly tail?: (records: number) => readonly Buffer[]
  /** Frames that one reading each gets, the last one again and again. */
  readonly stats?: readonly object[]
  isRunning: boolean
  startedAt: string
  finishedAt?: string
}

/** Answers one request to follow a log. `since` is in ns, 0 where the request has none. */
export type LogAnswer = (response: ServerResponse, since: bigint, query: URLSearchParams) => void

export interface FakeEngine {
  /** As CFMR_DOCKER_HOST has it. */
  readonly host: string
  readonly socket: string
  readonly containers: Map<string, FakeContainer>
  /** `METHOD PATH?QUERY` of every request, in order. */
  readonly requests: string[]
  /** Answers in place of the fake, where it returns true. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Says an event to whoever reads them, and keeps it for those who ask for events since before it. */
  say(event: object): void
  /** Breaks all connections: streams end in their middle. */
  breakAll(): void
  close(): Promise<void>
}

export interface FakeEngineOptions {
  readonly apiVersion?: string
  readonly containers?: readonly FakeContainer[]
}

/** Speaks the Engine API over a unix socket, as far as it is read, and fails as it is told. */
export async function startFakeEngine({ apiVersion = '1.43', containers = [] }: FakeEngineOptions = {}): Promise<FakeEngine> {
  const socket = join(scratchFolder('fake-engine'), 'docker.sock')
  const events: { readonly timeNano?: string }[] = []
  const listeners = new Set<ServerResponse>()
  const asked = new Map<string, number>()
  const engine = {
    host: `unix://${socket}`,
    socket,
    containers: new Map(containers.map((container) => [container.id, container])),
    requests: [] as string[],
    intercept: (_request: IncomingMessage, _response: ServerResponse) => false,
    say(event: object) {
      events.push(event)
      for (const listener of listeners) listener.write(`${JSON.stringify(event).replace(/"(\d{16,})"/g, '$1')}\n`)
    },
    breakAll: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections()
      server.close()
    },
  }
  const server = createServer((request, response) => {
    engine.requests.push(`${request.method} ${request.url}`)
    if (engine.intercept(request, response)) return
    const url = new URL(request.url ?? '/', 'http://docker')
    const path = url.pathname.replace(/^\/v\d+\.\d+/, '')
    if (path === '/_ping') response.writeHead(200, { 'api-version': apiVersion, server: 'Docker/24.0.0 (linux)' }).end('OK')
    else if (path === '/info') response.end('{"Name":"fake-host","ServerVersion":"24.0.0"}')
    else if (path === '/containers/json') response.end(JSON.stringify([...engine.containers.values()].map(listed)))
    else if (path === '/events') answerEvents(response)
    else answerContainer(path, url, response)
  })

  function answerEvents(response: ServerResponse): void {
    listeners.add(response)
    response.once('close', () => listeners.delete(response))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
  }

  function answerContainer(path: string, url: URL, response: ServerResponse): void {
    const [, id = '', what = ''] = /^\/containers\/([^/]+)\/(\w+)$/.exec(path) ?? []
    const container = engine.containers.get(id)
    if (container === undefined) response.writeHead(404).end(`{"message":"No such container: ${id}"}`)
    else if (what === 'json') response.end(JSON.stringify(inspected(container)))
    else if (what === 'logs') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      response.flushHeaders()
      const { searchParams } = url
      if (searchParams.get('follow') === 'true') next(container.logs, `${id} logs`)?.(response, sinceOf(url), searchParams)
      else response.end(Buffer.concat(container.tail?.(Number(searchParams.get('tail'))) ?? []))
    } else if (what === 'stats') response.end(JSON.stringify(next(container.stats ?? [{}], `${id} stats`)).replace(/"(\d{16,})"/g, '$1'))
    else response.writeHead(404).end('{"message":"page not found"}')
  }

  function next<T>(list: readonly T[], key: string): T | undefined {
    const count = asked.get(key) ?? 0
    asked.set(key, count + 1)
    return list[Math.min(count, list.length - 1)]
  }

  await once(server.listen(socket), 'listening')
  return engine
}

function listed({ id, name, isRunning }: FakeContainer) {
  return { Id: id, Names: [`/${name}`], State: isRunning ? 'running' : 'exited' }
}

const NEVER = '0001-01-01T00:00:00Z'

function inspected({
  id,
  name,
  image = 'box:1',
  tty = false,
  labels = {},
  env = [],
  isRunning,
  startedAt,
  finishedAt = NEVER,
}: FakeContainer) {
  return {
    Id: id,
    Name: `/${name}`,
    Config: { Image: image, Tty: tty, Labels: labels, Env: env, Hostname: id.slice(0, 12) },
    HostConfig: { LogConfig: { Type: 'json-file' } },
    State: { Running: isRunning, StartedAt: startedAt, FinishedAt: finishedAt },
  }
}

function sinceOf(url: URL): bigint {
  const [seconds = '0', fraction = ''] = (url.searchParams.get('since') ?? '0').split('.')
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0') || '0')
}

/** A record of a log in its frame: type 1 stdout, 2 stderr, 3 a word of the engine. */
export function frameOf(type: 1 | 2 | 3, text: string): Buffer {
  const bytes = Buffer.from(text)
  const header = Buffer.alloc(8)
  header[0] = type
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

/** A time of the log: `ns` after 2026-01-01, with nine digits. */
export function timeOf(ns: bigint): string {
  const seconds = ns / 1_000_000_000n
  const date = new Date(FIRST_MS + Number(seconds) * 1000).toISOString().slice(0, 19)
  return `${date}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`
}

const FIRST_MS = Date.UTC(2026, 0, 1)
/** The same in ns since 1970. */
export const FIRST_NS = BigInt(FIRST_MS) * 1_000_000n
