import { expect, it, onTestFinished } from 'vitest'
import { type FakeContainer, type FakeEngine, FIRST_NS, frameOf, startFakeEngine, timeOf } from '../../dev/docker/fake-engine.ts'
import type { WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import type { ListingAnswer } from '../../src/debug/listings.ts'
import type { ListedRow } from '../../src/flow/shown.ts'
import { type FakeAnswer, startFakeInfluxDb } from '../fakes/influxdb.ts'
import { DockerScene } from '../support/docker-scene.ts'

const SECRET = 'a-password-of-a-container'
const idOf = (n: number) => n.toString(16).padStart(2, '0').repeat(32)

function containerOf(n: number, name: string, more: Partial<FakeContainer> = {}): FakeContainer {
  const env = [`PASSWORD=${SECRET}`]
  return { id: idOf(n), name, env, isRunning: true, startedAt: '2026-01-01T00:00:00Z', logs: [lines(3)], stats: [usage], ...more }
}

/** So many lines, and then silence. */
const lines =
  (count: number, text = 'line') =>
  (response: { write(bytes: Buffer): unknown }): void => {
    for (let n = 1; n <= count; n++) response.write(frameOf(1, `${timeOf(BigInt(n) * 1_000_000_000n)} ${text} ${n}\n`))
  }
const usage = { read: '2026-01-01T00:00:05Z', memory_stats: { usage: 1000, limit: 10_000 }, pids_stats: { current: 2 } }

async function start(containers: readonly FakeContainer[], env: WorkerOptions['env'] = {}, engineOptions = (_: FakeEngine) => {}) {
  const engine = await startFakeEngine({ containers })
  onTestFinished(() => engine.close())
  engineOptions(engine)
  const scene = DockerScene.with(engine.host)
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'logs,stats,events', CFMR_DOCKER_STATSINTERVAL: '1s', ...env })
  return { engine, scene, worker }
}

async function listed(worker: WorkerProcess, path: string): Promise<ListingAnswer> {
  return JSON.parse((await worker.get(path)).body) as ListingAnswer
}

const rowsOf = async (worker: WorkerProcess) =>
  new Map((await listed(worker, '/stats/containers')).rows.map((row) => [String(row['name']), row]))

async function rowWhen(worker: WorkerProcess, name: string, isIt: (row: ListedRow) => boolean): Promise<ListedRow> {
  let row: ListedRow | undefined
  await worker.waitUntil(`${name} is shown so`, async () => {
    row = (await rowsOf(worker)).get(name)
    return row !== undefined && isIt(row)
  })
  return row as ListedRow
}

it('says of each container what is read, and of what is not read why', async () => {
  const containers = [
    containerOf(1, 'web', {
      env: ['VCAP_APPLICATION={"application_name":"shop","organization_name":"acme","space_name":"prod"}', `P=${SECRET}`],
    }),
    containerOf(2, 'quiet', { labels: { 'cfmr.logs': 'false' } }),
    containerOf(3, 'left-out'),
    containerOf(4, 'no-driver'),
    containerOf(5, 'ended', { isRunning: false, logs: [(response) => response.end()] }),
    containerOf(6, 'refused'),
  ]
  const { worker, engine } = await start(containers, { CFMR_DOCKER_EXCLUDE: 'name=left-*' }, (engine) => {
    engine.intercept = (request, response) => {
      const isLog = (n: number) => request.url?.includes(`/${idOf(n)}/logs`) === true
      if (isLog(4)) response.writeHead(501).end('{"message":"configured logging driver does not support reading"}')
      else if (isLog(6)) response.writeHead(403).end('{"message":"not by me"}')
      else return false
      return true
    }
  })
  const web = await rowWhen(worker, 'web', (row) => row['lines'] === 3 && row['usage'] === 'read')
  expect(web).toMatchObject({
    ...{ app: 'shop', org: 'acme', space: 'prod', place: 'acme / prod', image: 'box:1', state: 'running', logs: 'followed' },
    ...{ logs_reason: null, usage_reason: null, events: true, gaps: null, bytes: 'line 1line 2line 3'.length },
    last_line_time: new Date(Number(FIRST_NS / 1_000_000n) + 3000).toISOString(),
    last_usage_time: expect.stringMatching(/Z$/),
  })
  expect(await rowWhen(worker, 'no-driver', ({ logs }) => logs === 'cannot be read')).toMatchObject({
    logs_reason: expect.stringContaining('does not support reading'),
    gaps: 'driver',
  })
  expect(await rowWhen(worker, 'refused', ({ logs }) => logs === 'failed, is tried again')).toMatchObject({
    logs_reason: expect.stringContaining('403 Forbidden: not by me'),
  })
  await rowWhen(worker, 'ended', ({ logs }) => logs === 'read to its end')
  const rows = await rowsOf(worker)
  expect(rows.get('quiet')).toMatchObject({ logs: 'not read', logs_reason: 'its label cfmr.logs is false', usage: 'read' })
  expect(rows.get('left-out')).toMatchObject({ logs: 'not read', logs_reason: 'CFMR_DOCKER_EXCLUDE matches it', usage: 'not read' })
  expect(rows.get('ended')).toMatchObject({ state: 'ended', usage: 'not running' })
  // Those that somebody should look at come first.
  expect([...rows.keys()].slice(0, 2)).toEqual(['refused', 'no-driver'])
  expect((await listed(worker, '/stats/containers?filter=EXCLUDE&limit=5')).rows).toEqual([rows.get('left-out')])
  expect((await listed(worker, '/stats/gaps')).rows).toMatchObject([{ container: 'no-driver', cause: 'driver' }])
  const { inputs } = await worker.stats()
  expect(inputs['docker']).toMatchObject({
    engine: { host: 'fake-host', kind: 'Docker', version: '24.0.0', api_version: '1.43', connected: true, problem: null, reconnects: 0 },
    ...{ containers: 6, running: 5, streaming: 1, inspections_waiting: 0, waiting_for_room: 0 },
    positions: { kept: true, last_save_time: expect.stringMatching(/Z$/), save_failures: 0, problem: null },
  })
  // What docs/inputs/docker.md says that a proxy has to let through.
  const allowed = /^GET (\/_ping|\/v1\.43\/(info|events|containers\/json|containers\/\w{64}\/(json|logs|stats)))(\?|$)/
  expect(engine.requests.filter((request) => !allowed.test(request))).toEqual([])
  for (const path of ['/', '/stats', '/stats/containers', '/stats/gaps', '/metrics']) {
    expect((await worker.get(path)).body, path).not.toContain(SECRET)
  }
})

it('says since when the engine is there, that it is away and why, and that it was reached again', async () => {
  const { engine, worker } = await start([containerOf(1, 'web')])
  const engineOf = async () => (await worker.stats()).inputs['docker'] as unknown as { engine: Readonly<Record<string, unknown>> }
  await worker.ready()
  expect((await engineOf()).engine).toMatchObject({ connected: true, connected_since: expect.stringMatching(/Z$/) })
  engine.intercept = (_, response) => {
    response.writeHead(500).end('{"message":"it restarts"}')
    return true
  }
  engine.breakAll()
  await worker.waitUntil('it is away', async () => (await engineOf()).engine['connected'] === false)
  await worker.waitUntil('it says why', async () => String((await engineOf()).engine['problem']).includes('it restarts'))
  expect((await engineOf()).engine['connected_since']).toBeNull()
  expect((await worker.get('/metrics')).body).toContain('cfmr_docker_connected 0')
  engine.intercept = () => false
  await worker.waitUntil('it is there again', async () => (await engineOf()).engine['connected'] === true)
  expect((await engineOf()).engine).toMatchObject({ reconnects: 1, problem: null })
})

/** So long that 500 of them come in many reads: what is read at once is handed over at once. */
const manyReads = 'word '.repeat(400)

it('says which logs wait, and how many readings and events are dropped, where an output does not keep up', async () => {
  const influxDb = await startFakeInfluxDb()
  onTestFinished(() => influxDb.close())
  let go = (_: FakeAnswer) => {}
  const answer = new Promise<FakeAnswer>((resolve) => {
    go = resolve
  })
  influxDb.onWrite = () => answer
  const { engine, worker } = await start([containerOf(1, 'web', { logs: [lines(500, manyReads)] })], {
    ...{ CFMR_OUTPUT: 'influxdb', CFMR_STDOUT_FORMAT: undefined, CFMR_INFLUXDB_ADDR: influxDb.url, CFMR_INFLUXDB_DATABASE: 'db' },
    CFMR_MAXINFLIGHT: '100',
  })
  const figures = async () => (await worker.stats()).inputs['docker'] as unknown as Figures
  expect(await rowWhen(worker, 'web', ({ logs }) => logs === 'waits for room')).toMatchObject({ state: 'running' })
  expect(await figures()).toMatchObject({ streaming: 1, waiting_for_room: 1 })
  for (let n = 1; n <= 300; n++) engine.say(eventOf(n))
  await worker.waitUntil('events are dropped', async () => (await figures()).dropped_by_kind.event > 0)
  expect((await worker.get('/metrics')).body).toMatch(/^cfmr_docker_dropped_total\{kind="event"\} [1-9]/m)
  go({ status: 204 })
  await rowWhen(worker, 'web', ({ logs, lines: read }) => logs === 'followed' && read === 500)
  expect((await figures()).waiting_for_room).toBe(0)
})

interface Figures {
  readonly waiting_for_room: number
  readonly dropped_by_kind: { readonly event: number; readonly usage: number }
}

function eventOf(n: number) {
  const timeNs = FIRST_NS + BigInt(n)
  const Actor = { ID: idOf(1), Attributes: { name: 'web', image: 'box:1' } }
  return { Type: 'container', Action: 'pause', Actor, time: Number(timeNs / 1_000_000_000n), timeNano: String(timeNs) }
}
