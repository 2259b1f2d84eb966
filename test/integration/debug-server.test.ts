import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { DebugServer, type DebugServerOptions } from '../../src/debug/server.ts'
import { GaveUp } from '../../src/lib/errors.ts'
import { createLog } from '../../src/lib/log.ts'
import { quietSources } from '../unit/debug/sources.ts'

const open: DebugServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function serve(options: Partial<DebugServerOptions> = {}) {
  const quiet = quietSources()
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'INFO', destination: { write: (text: string) => void lines.push(JSON.parse(text)) } })
  const server = new DebugServer({
    port: 0,
    username: 'cfmr',
    password: undefined,
    profiling: false,
    sources: quiet.sources,
    log,
    ...options,
  })
  open.push(server)
  await server.start()
  const url = `http://127.0.0.1:${server.port}`
  return { ...quiet, server, lines, get: (path: string, init?: RequestInit) => fetch(url + path, init) }
}

const login = (user: string, password: string) => ({ headers: { authorization: `Basic ${btoa(`${user}:${password}`)}` } })

describe('paths', () => {
  test('/ links to the others', async () => {
    const { get } = await serve()
    const response = await get('/')
    expect(response.headers.get('content-type')).toContain('text/html')
    const links = [...(await response.text()).matchAll(/<a href="([^"]+)"/g)].map(([, path = '']) => path)
    expect(links).toEqual(['stats', 'stats/app', 'stats/runtime', 'metrics', 'readyz', 'healthz'])
    for (const link of links) expect((await get(`/${link}`)).status).toBe(200)
  })

  test('/healthz is 200 whatever happens around the process', async () => {
    const { get, state, reasons } = await serve()
    state.value = 'starting'
    reasons.output.push('influxdb: down')
    expect((await get('/healthz')).status).toBe(200)
  })

  test('/readyz is 200 where partitions could be read and written, else 503 with the reasons', async () => {
    const { get, reasons } = await serve()
    expect((await get('/readyz')).status).toBe(200)
    reasons.output.push('influxdb: down')
    const response = await get('/readyz')
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ ready: false, reasons: ['influxdb: down'] })
  })

  test('/stats, /stats/app and /stats/runtime are JSON, of this moment', async () => {
    const { get, sources } = await serve()
    sources.inputs[0].ledger.consume(3)
    sources.inputs[0].input.inFlight = 3
    const all = await get('/stats')
    expect(all.headers.get('content-type')).toContain('application/json')
    expect(await all.json()).toMatchObject({
      app: { consume: 3 },
      ledger: { consumed: 3, in_flight: 3, residue: 0 },
      runtime: { pid: process.pid },
    })
    expect(await (await get('/stats/app')).json()).toMatchObject({ consume: 3, instance_index: 4 })
    expect(await (await get('/stats/runtime')).json()).toMatchObject({ node_version: process.version })
  })

  test("/metrics is Prometheus's text", async () => {
    const { get } = await serve()
    const response = await get('/metrics')
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(await response.text()).toContain('cfmr_consumed_total 0')
  })

  test('HEAD is answered without a body, other methods with 405, unknown paths with 404', async () => {
    const { get } = await serve()
    const head = await get('/stats', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await get('/healthz', { method, ...(method !== 'OPTIONS' && { body: 'x'.repeat(100_000) }) })
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    }
    for (const path of ['/stats/', '/stat', '/../etc/passwd', '//', '/%00', '/debug/cpuprofile', '/constructor']) {
      expect((await get(path)).status).toBe(404)
    }
  })
})

describe('password', () => {
  test('protects everything but /healthz and /readyz', async () => {
    const { get } = await serve({ password: 'sesame', profiling: true })
    for (const path of ['/', '/stats', '/stats/app', '/stats/runtime', '/metrics', '/debug/cpuprofile', '/unknown']) {
      const response = await get(path)
      expect([path, response.status, response.headers.get('www-authenticate')]).toEqual([path, 401, expect.stringMatching(/^Basic realm=/)])
      expect((await get(path, login('cfmr', 'wrong'))).status).toBe(401)
    }
    for (const path of ['/healthz', '/readyz']) expect((await get(path)).status).toBe(200)
    expect((await get('/stats', login('cfmr', 'sesame'))).status).toBe(200)
    expect((await get('/unknown', login('cfmr', 'sesame'))).status).toBe(404)
  })
})

describe('CPU profile', () => {
  test('is a file that Chrome DevTools opens; one at a time', async () => {
    const { get } = await serve({ password: 'sesame', profiling: true })
    const [first, second] = await Promise.all(
      [0, 50].map(async (delayMs) => {
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        return get('/debug/cpuprofile?seconds=1', login('cfmr', 'sesame'))
      }),
    )
    expect(second?.status).toBe(409)
    expect(first?.status).toBe(200)
    expect(first?.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w.-]+\.cpuprofile"$/)
    const profile = (await first?.json()) as {
      nodes: unknown[]
      samples: number[]
      timeDeltas: number[]
      startTime: number
      endTime: number
    }
    expect(profile.nodes.length).toBeGreaterThan(0)
    expect(profile.samples.length).toBe(profile.timeDeltas.length)
    expect(profile.endTime - profile.startTime).toBeGreaterThan(900_000)
  })

  test.each(['0', '61', '1.5', '-1', 'x', ''])('refuses %j seconds', async (seconds) => {
    const { get } = await serve({ password: 'sesame', profiling: true })
    expect((await get(`/debug/cpuprofile?seconds=${seconds}`, login('cfmr', 'sesame'))).status).toBe(400)
  })

  test('ends when nobody waits for it any more, and the next can begin', async () => {
    const { get } = await serve({ password: 'sesame', profiling: true })
    const impatient = AbortSignal.timeout(200)
    await expect(get('/debug/cpuprofile?seconds=60', { ...login('cfmr', 'sesame'), signal: impatient })).rejects.toThrow()
    await expect.poll(async () => (await get('/debug/cpuprofile?seconds=1', login('cfmr', 'sesame'))).status).toBe(200)
  })
})

describe('whatever is sent', () => {
  test.each([
    ['bytes that are no HTTP', Buffer.from('\x00\xff\xfe\r\n\r\n')],
    ['a request line without end', Buffer.alloc(100_000, 'A')],
    ['a path that is no URL', Buffer.from('GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['an upgrade', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')],
    ['CONNECT', Buffer.from('CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['two lengths', Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n')],
    ['half a header', Buffer.from('GET / HTTP/1.1\r\nHo')],
  ])('%s stops nothing', async (_, bytes) => {
    const { get, server } = await serve()
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.end(bytes)
    socket.resume()
    await once(socket, 'close')
    expect((await get('/healthz')).status).toBe(200)
  })

  test('a figure that cannot be had is a 500 and a line in the log, and the rest goes on', async () => {
    const { get, sources, lines } = await serve()
    const { partitioned } = sources.inputs[0].input
    const { partitions } = partitioned
    partitioned.partitions = () => {
      throw new TypeError('a bug')
    }
    expect((await get('/stats')).status).toBe(500)
    expect(lines).toContainEqual(expect.objectContaining({ level: 'ERROR', err: expect.objectContaining({ message: 'a bug' }) }))
    expect((await get('/healthz')).status).toBe(200)
    partitioned.partitions = partitions
  })
})

describe('start and close', () => {
  test('logs the port that it got', async () => {
    const { server, lines } = await serve()
    expect(lines).toContainEqual(expect.objectContaining({ level: 'INFO', port: server.port }))
  })

  test('a port that is taken is an error that names port and variable', async () => {
    const { server } = await serve()
    const failure = serve({ port: server.port })
    await expect(failure).rejects.toThrow(GaveUp)
    await expect(failure).rejects.toThrow(new RegExp(`port ${server.port} .*CFMR_SERVER_PORT`))
  })

  test('close ends requests that are still being answered, and may be called again', async () => {
    const { server, get } = await serve({ password: 'sesame', profiling: true })
    const pending = get('/debug/cpuprofile?seconds=60', login('cfmr', 'sesame')).catch((error) => error)
    await expect.poll(async () => (await get('/debug/cpuprofile?seconds=1', login('cfmr', 'sesame'))).status).toBe(409)
    await server.close()
    await server.close()
    await pending
    await expect(get('/healthz')).rejects.toThrow()
  })

  test('the last figures go to the log', async () => {
    const { server, lines, sources } = await serve()
    sources.inputs[0].ledger.consume(1)
    sources.inputs[0].ledger.settle('discarded', 1)
    await server.close()
    expect(lines.at(-1)).toMatchObject({
      msg: 'Stats',
      stats: { ledger: { consumed: 1, discarded: 1, residue: 0 }, kafka: { partitions: 0 } },
    })
  })

  test('the figures go to the log once a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { lines } = await serve()
      const told = () => lines.filter((line) => line['msg'] === 'Stats').length
      await vi.advanceTimersByTimeAsync(59_000)
      expect(told()).toBe(0)
      await vi.advanceTimersByTimeAsync(121_000)
      expect(told()).toBe(3)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('connections', () => {
  const opened: Socket[] = []
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.destroy()
  })

  async function open(port: number, bytes = ''): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    opened.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(bytes)
    return socket
  }

  test('however many are open and idle, a health check is answered: the longest idle go for it', async () => {
    const { server, get } = await serve({ connections: { max: 20, silentMs: 60_000 } })
    const idle: Socket[] = []
    for (let i = 0; i < 20; i++) idle.push(await open(server.port))
    const oldest = idle[0] as Socket
    const closed = once(oldest, 'close')
    expect((await get('/healthz')).status).toBe(200)
    await closed
    expect(idle.slice(1).map(({ destroyed }) => destroyed)).not.toContain(true)
  })

  test('one that has been answered is idle from then on, and goes after those that were so before', async () => {
    const { server, get } = await serve({ connections: { max: 2, silentMs: 60_000 } })
    const first = await open(server.port)
    const second = await open(server.port)
    first.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(first, 'data')
    const closed = once(second, 'close')
    expect((await get('/healthz')).status).toBe(200)
    await closed
    expect(first.destroyed).toBe(false)
  })

  test.each([
    ['nothing is ever sent', ''],
    ['half a header is sent', 'GET /healthz HT'],
  ])('one on which %s is closed after a while', async (_, bytes) => {
    const { server } = await serve({ connections: { max: 20, silentMs: 50 } })
    await once(await open(server.port, bytes), 'close')
  })

  test('a request leaves no memory behind', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const { get } = await serve()
    const ask = async (times: number) => {
      for (let i = 0; i < times; i++) await (await get('/healthz')).text()
      collect()
      return process.memoryUsage().heapUsed
    }
    await ask(2000)
    const growths: number[] = []
    for (let round = 0, before = await ask(1000); round < 5; round++) {
      const after = await ask(1000)
      growths.push((after - before) / 1000)
      before = after
    }
    // With a signal made by AbortSignal.any for each it is 90 to 180 bytes on Node 20, in each round.
    expect(Math.min(...growths), growths.join()).toBeLessThan(60)
  }, 60_000)
})
