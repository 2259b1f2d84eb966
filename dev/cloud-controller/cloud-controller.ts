import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { type Asked, Faults, KINDS, type Kind, misbehave } from './faults.ts'
import { Platform } from './platform.ts'
import { type Answer, Uaa, type UaaOptions } from './uaa.ts'
import { v2Answer, v2Error, v2Info } from './v2.ts'
import { rootOf, v3Apps, v3Error } from './v3.ts'

export interface CloudControllerOptions extends UaaOptions {
  readonly apps: readonly AppMetadata[]
  /** A free one by default. */
  readonly port?: number
  /** PEM; without it the server speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

interface RecordedRequest extends Asked {
  readonly path: string
  readonly query: URLSearchParams
  readonly atMs: number
}

/** A Cloud Controller (v3 and v2) and its UAA on one port, over HTTP as the real ones answer, with faults to order. */
export interface CloudControllerFake {
  readonly url: string
  readonly platform: Platform
  readonly uaa: Uaa
  readonly faults: Faults
  /** The latest thousands of requests, oldest first; `counts` holds all. */
  readonly requests: readonly RecordedRequest[]
  readonly counts: Readonly<Record<Kind, number>>
  /** The most requests that were being answered at once. */
  readonly mostAtOnce: () => number
  close(): Promise<void>
}

const MAX_RECORDED = 10_000

export async function startCloudController({ apps, port = 0, tls, ...uaaOptions }: CloudControllerOptions): Promise<CloudControllerFake> {
  const platform = new Platform(apps)
  const uaa = new Uaa(uaaOptions)
  const faults = new Faults()
  const requests: RecordedRequest[] = []
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>
  const open = new Set<ServerResponse>()
  let mostAtOnce = 0
  let url = ''

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', url)
    const asked = { ...understand(pathname, query), path: pathname, query, atMs: Date.now() }
    counts[asked.kind]++
    requests.push(asked)
    if (requests.length > MAX_RECORDED) requests.shift()
    open.add(response)
    mostAtOnce = Math.max(mostAtOnce, open.size)
    response.once('close', () => open.delete(response))

    const form = request.method === 'POST' ? await text(request) : ''
    const fault = faults.take(asked)
    if (fault?.delayMs !== undefined) await setTimeout(fault.delayMs)
    if (fault !== undefined && fault.effect !== 'slow') return misbehave(fault, request, response)
    if (pathname.startsWith('/v2/') && !platform.isV2Enabled) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('V2 endpoints disabled')
      return
    }
    const { status, body } = route(request, pathname, query, form)
    response.writeHead(status, { 'content-type': 'application/json;charset=utf-8' }).end(JSON.stringify(body))
    if (asked.kind === 'list') platform.shift()
  }

  function route({ method, headers }: IncomingMessage, path: string, query: URLSearchParams, form: string): Answer {
    const { authorization } = headers
    if (method === 'POST' && path === '/oauth/token') return uaa.grant(authorization ?? '', new URLSearchParams(form))
    if (path === '/') return { status: 200, body: rootOf(url, platform) }
    if (path === '/v2/info') return v2Info(url)
    const isV2 = path.startsWith('/v2/')
    if (!uaa.accepts(authorization)) {
      const [code, name, detail] = authorization === undefined ? MISSING_TOKEN : INVALID_TOKEN
      return isV2 ? v2Error(401, code, name, detail) : v3Error(401, code, name, detail)
    }
    if (isV2) return v2Answer(platform, path, query)
    return path === '/v3/apps' ? v3Apps(platform, url, query) : v3Error(404, 10000, 'CF-NotFound', 'Unknown request')
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  }
  const server: Server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener)
  await once(server.listen(port, '127.0.0.1'), 'listening')
  url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as { port: number }).port}`
  const close = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  return { url, platform, uaa, faults, requests, counts, mostAtOnce: () => mostAtOnce, close }
}

const MISSING_TOKEN = [10002, 'CF-NotAuthenticated', 'Authentication error'] as const
const INVALID_TOKEN = [1000, 'CF-InvalidAuthToken', 'Invalid Auth Token'] as const

function understand(path: string, query: URLSearchParams): Asked {
  const guids = query.get('guids')?.split(',')
  const page = Number(query.get('page') ?? 1)
  const one = /^\/v2\/apps\/([^/]+)/.exec(path)?.[1]
  if (guids !== undefined || one !== undefined) return { kind: 'look-up', guids: guids ?? [one ?? ''], page }
  return { kind: kindOf(path), guids: [], page }
}

function kindOf(path: string): Kind {
  if (path === '/' || path === '/v2/info') return 'root'
  if (path === '/oauth/token') return 'token'
  if (path === '/v3/apps' || path === '/v2/apps') return 'list'
  if (path.startsWith('/v2/spaces/')) return 'space'
  return path.startsWith('/v2/organizations/') ? 'organization' : 'other'
}
