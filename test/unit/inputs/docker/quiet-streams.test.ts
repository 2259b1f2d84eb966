import { pino } from 'pino'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { type FakeContainer, type FakeEngine, FIRST_NS, frameOf, startFakeEngine, timeOf } from '../../../../dev/docker/fake-engine.ts'
import { Run } from '../../../../src/flow/run.ts'
import type { NumberedLine } from '../../../../src/inputs/docker/container-source.ts'
import { LogSource } from '../../../../src/inputs/docker/container-source.ts'
import { Engine } from '../../../../src/inputs/docker/engine/engine.ts'
import { Gaps } from '../../../../src/inputs/docker/gaps.ts'
import { Inventory } from '../../../../src/inputs/docker/inventory/inventory.ts'
import { Tracker } from '../../../../src/inputs/docker/inventory/tracker.ts'
import { LogFollower } from '../../../../src/inputs/docker/logs/log-follower.ts'
import { Turns } from '../../../../src/inputs/docker/logs/turns.ts'
import { ContainerLog } from '../../../../src/inputs/docker/positions/container-log.ts'

const ID = 'c0'.repeat(32)
const TEN_MINUTES_MS = 600_000
const log = pino({ level: 'silent' })
const lineOf = (n: number) => frameOf(1, `${timeOf(BigInt(n) * 1_000_000n)} line ${n}\n`)
const timeNsOf = (n: number) => FIRST_NS + BigInt(n) * 1_000_000n

afterEach(() => {
  vi.useRealTimers()
})

async function engineWith(container: Partial<FakeContainer>) {
  const fake = { id: ID, name: 'fake', isRunning: true, startedAt: '2026-01-01T00:00:00Z', logs: [], ...container }
  const server = await startFakeEngine({ containers: [fake] })
  const engine = new Engine({ address: { kind: 'unix', path: server.socket }, timeoutMs: 10_000 })
  const stop = new AbortController()
  onTestFinished(async () => {
    stop.abort()
    await engine.close()
    await server.close()
  })
  await engine.connect(stop.signal)
  const sources = { app: [], appGuid: [], space: [], spaceGuid: [], org: [], orgGuid: [], instance: [] }
  const selection = { include: [], exclude: [], collect: new Set(['logs', 'events'] as const) }
  const inventory = new Inventory({
    engine,
    timeoutMs: 10_000,
    sources,
    selection,
    aliases: new Map(),
    isOwn: () => false,
    unseen: () => {},
  })
  return { server, engine, stop: stop.signal, inventory }
}

/** Texts of the lines that a follower hands over. */
async function follow({ engine, stop, inventory }: Awaited<ReturnType<typeof engineWith>>, quietMs: number): Promise<string[]> {
  const container = inventory.container(ID)
  await inventory.inspect(container, stop)
  const containerLog = new ContainerLog(ID, undefined)
  const texts: string[] = []
  const deliver = (lines: readonly NumberedLine[]) => {
    const { next } = containerLog
    const run = new Run(
      lines.map((_, index) => ({ offset: next + index })),
      next + lines.length,
      0,
    )
    containerLog.add(run, new LogSource(container, containerLog.ids, next, lines))
    texts.push(...lines.map(({ line }) => line.bytes.toString()))
    return true
  }
  const parts = {
    engine,
    inventory,
    container,
    containerLog,
    gaps: new Gaps(log),
    turns: new Turns(1),
    maxBytes: 1000,
    fromNow: false,
    quietMs,
  }
  void new LogFollower({ ...parts, deliver, room: async () => {}, cutShort: () => {} }).run(stop)
  return texts
}

const following = ({ requests }: FakeEngine) => requests.filter((request) => request.includes('follow=true')).length

it('docker-modem #45, docker-socket-proxy #18, moby #12704: ten quiet minutes before an answer or within it are waited for', async () => {
  // Before undici makes its first timer, which all others of its own hang on.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  const { server, engine, stop } = await engineWith({})
  let say = (_text: string) => {}
  server.intercept = (_request, response) => {
    say = (text) => void response.write(text)
    return true
  }
  const opening = engine.stream(`/containers/${ID}/logs`, { follow: true }, 'read', stop)
  while (following(server) === 0) await new Promise(setImmediate)
  await vi.advanceTimersByTimeAsync(TEN_MINUTES_MS)
  say('after ten minutes')
  const { chunks } = await opening
  const reader = chunks[Symbol.asyncIterator]()
  expect((await reader.next()).value?.toString()).toBe('after ten minutes')
  const next = reader.next()
  await vi.advanceTimersByTimeAsync(TEN_MINUTES_MS)
  say('after twenty')
  expect((await next).value?.toString()).toBe('after twenty')
})

it('a stream of a log on which nothing comes, though there are lines, is given up for another; one of a quiet log is not', async () => {
  let written = 2
  const scene = await engineWith({
    logs: [
      (response) => void response.write(Buffer.concat([lineOf(1), lineOf(2)])),
      (response, since) => {
        for (let n = 1; n <= written; n++) if (timeNsOf(n) >= since) response.write(lineOf(n))
      },
    ],
    tail: (records) => Array.from({ length: written }, (_, index) => lineOf(index + 1)).slice(-records),
  })
  const texts = await follow(scene, 100)
  const { server } = scene
  const checks = () => server.requests.filter((request) => request.includes('follow=false')).length
  await vi.waitFor(() => expect(checks()).toBeGreaterThan(2), { timeout: 10_000 })
  expect(following(server)).toBe(1)
  // The connection is dead from now on: nothing of this comes.
  written = 4
  await vi.waitFor(() => expect(texts).toEqual(['line 1', 'line 2', 'line 3', 'line 4']), { timeout: 15_000 })
  expect(following(server)).toBe(2)
})

it('a stream of events that is dead without having been closed is noticed by what the list tells, and what it missed is asked for', async () => {
  const { server, engine, inventory, stop } = await engineWith({})
  const happened: string[] = []
  const tracker = new Tracker({
    ...{ engine, inventory, log, gaps: new Gaps(log), listEveryMs: 100, lateMs: 100 },
    described: () => {},
    happened: ({ action }) => void happened.push(action),
  })
  void tracker.run(stop)
  const event = (action: string, id: string, ns: bigint) => ({
    Type: 'container',
    Action: action,
    Actor: { ID: id },
    timeNano: String(FIRST_NS + ns),
  })
  const reading = () => server.requests.filter((request) => request.includes('/events'))
  await vi.waitFor(() => expect(tracker.hasListed).toBe(true))
  server.say(event('pause', ID, 1n))
  await vi.waitFor(() => expect(happened).toEqual(['pause']))
  const lists = () => server.requests.filter((request) => request.includes('/containers/json')).length
  const before = lists()
  await vi.waitFor(() => expect(lists()).toBeGreaterThan(before + 3))
  expect(reading()).toHaveLength(1)
  // It starts, and nobody is told.
  server.containers.set('d1'.repeat(32), {
    id: 'd1'.repeat(32),
    name: 'other',
    isRunning: true,
    startedAt: '2026-01-01T00:00:09Z',
    logs: [],
  })
  await vi.waitFor(() => expect(reading()).toHaveLength(2), { timeout: 5000 })
  expect(reading()[1]).toContain('since=')
  await vi.waitFor(() => expect(tracker.problem).toBeUndefined())
  server.say(event('die', ID, 2n))
  await vi.waitFor(() => expect(happened).toEqual(['pause', 'die']))
})
