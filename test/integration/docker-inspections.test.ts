import { expect, it, onTestFinished } from 'vitest'
import { type FakeContainer, type FakeEngine, FIRST_NS, frameOf, startFakeEngine, timeOf } from '../../dev/docker/fake-engine.ts'
import { DockerScene } from '../support/docker-scene.ts'
import { startWorker } from '../support/worker.ts'

const idOf = (n: number) => n.toString(16).padStart(2, '0').repeat(32)
const lines = [1n, 2n, 3n].map((n) => frameOf(1, `${timeOf(n * 1_000_000n)} line ${n}\n`))

const containerOf = (n: number, more: Partial<FakeContainer> = {}): FakeContainer => ({
  id: idOf(n),
  name: `c${n}`,
  isRunning: true,
  startedAt: '2026-01-01T00:00:00Z',
  logs: [(response) => void response.write(Buffer.concat(lines))],
  tail: (records) => lines.slice(-records),
  ...more,
})

async function sceneOf(...containers: readonly FakeContainer[]) {
  const engine = await startFakeEngine({ containers })
  onTestFinished(() => engine.close())
  return { engine, scene: DockerScene.with(engine.host) }
}

/** Answers inspections of these containers in the fake's place, until it is called with nothing. */
function inspectionsFail(engine: FakeEngine) {
  return (ids: readonly string[], status?: number) => {
    engine.intercept = ({ url = '' }, response) => {
      if (!ids.some((id) => url.includes(`/containers/${id}/json`))) return false
      if (status !== undefined) response.writeHead(status).end('{"message":"busy"}')
      return true
    }
  }
}

let now = FIRST_NS
const say = (engine: FakeEngine, n: number, action: string, attributes: object = {}) =>
  engine.say({
    Type: 'container',
    Action: action,
    Actor: { ID: idOf(n), Attributes: { name: `c${n}`, image: 'box:1', ...attributes } },
    timeNano: String(++now),
  })

it('a container that could not be inspected is asked for again soon, and said meanwhile', async () => {
  const { engine, scene } = await sceneOf()
  const fail = inspectionsFail(engine)
  fail([idOf(1)], 500)
  const worker = await scene.work()
  await worker.ready()
  engine.containers.set(idOf(1), containerOf(1))
  say(engine, 1, 'start')
  await worker.logged(/cannot be inspected, and is asked for again/)
  await worker.waitUntil('it is asked for again', () => engine.requests.filter((request) => request.includes('/json')).length > 3)
  const figures = (await worker.stats()).inputs['docker']
  expect(figures).toMatchObject({ not_streaming: [{ problem: expect.stringContaining('500') }] })
  expect(figures?.concerns).toEqual([expect.stringMatching(/cannot be inspected/)])
  fail([])
  await worker.waitUntil('its log is read', () => scene.messagesOf('c1').length === 3)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ not_streaming: [], concerns: [] })
})

it('an engine that hangs at some containers inspects the others', async () => {
  const hanging = Array.from({ length: 7 }, (_, index) => containerOf(index + 1))
  const { engine, scene } = await sceneOf(...hanging)
  inspectionsFail(engine)(hanging.map(({ id }) => id))
  const worker = await scene.work({ CFMR_DOCKER_TIMEOUT: '1s' })
  await worker.waitUntil('each was asked for again', () =>
    hanging.every(({ id }) => engine.requests.filter((request) => request.includes(`${id}/json`)).length > 1),
  )
  engine.containers.set(idOf(20), containerOf(20))
  say(engine, 20, 'start')
  await worker.waitUntil('another one is read', () => scene.messagesOf('c20').length === 3)
})

it('a container that has run, and was gone before it could be inspected, is a gap of its own, counted once', async () => {
  const { engine, scene } = await sceneOf()
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'logs,events', CFMR_DOCKER_EXCLUDE: 'name=c2' })
  await worker.ready()
  for (const n of [1, 2, 3]) {
    say(engine, n, 'create')
    // Of c3 the engine says only later that it ran, and that it is gone.
    if (n < 3) say(engine, n, 'start')
  }
  await worker.waitUntil('they are asked for', () => engine.requests.filter((request) => request.includes('/json')).length > 3)
  for (const n of [1, 2, 3]) for (const action of ['start', 'die', 'destroy']) say(engine, n, action)
  say(engine, 4, 'create')
  say(engine, 4, 'destroy')
  await worker.waitUntil('all is written', () =>
    scene.documents.some(({ container: { id }, event }) => id === idOf(4) && event.action === 'destroy'),
  )
  await worker.waitUntil('all are asked for', async () => (await worker.stats()).inputs['docker']?.['inspections_waiting' as never] === 0)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { removed: 2 } })
  expect(worker.log.filter(({ cause }) => cause === 'removed').map(({ container }) => container)).toEqual(['c1', 'c3'])
})

it('a label that hides what belongs to an action makes no exit code and no signal of it', async () => {
  const labels = { exitCode: '0077', signal: '9' }
  const { engine, scene } = await sceneOf(containerOf(1, { labels }), containerOf(2))
  inspectionsFail(engine)([idOf(3)])
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events', CFMR_DOCKER_INVENTORYTIMEOUT: '1s' })
  await worker.ready()
  for (const n of [1, 2]) {
    say(engine, n, 'kill', { signal: '15', ...(n === 1 && labels) })
    say(engine, n, 'die', { exitCode: '3', ...(n === 1 && labels) })
  }
  say(engine, 3, 'die', { exitCode: '4' })
  say(engine, 3, 'die', { exitCode: '0077' })
  await worker.waitUntil('all are written', () => scene.documents.length === 6)
  const codesOf = (n: number) =>
    scene.documents.filter(({ container }) => container.id === idOf(n)).map(({ process }) => process?.exit_code)
  expect(codesOf(1)).toEqual([undefined, undefined])
  expect(codesOf(2)).toEqual([undefined, 3])
  expect(codesOf(3)).toEqual([4, undefined])
  expect(scene.documents.map(({ docker }) => docker?.signal)).toEqual([undefined, undefined, 15, undefined, undefined, undefined])
})

it('check names each answer that something before the engine refuses or never gives', async () => {
  const { engine } = await sceneOf(containerOf(1))
  const env = { CFMR_INPUT: 'docker', CFMR_OUTPUT: 'stdout', CFMR_DOCKER_HOST: engine.host, CFMR_DOCKER_TIMEOUT: '2s' }
  const failuresOf = async (isRefused: (url: string) => boolean) => {
    engine.intercept = ({ url = '' }, response) => {
      if (isRefused(url)) response.writeHead(403).end('{"message":"forbidden"}')
      // The fake's own stream of events never ends.
      else if (url.includes('until=1')) response.end()
      else return false
      return true
    }
    const found: string[] = []
    const check = await startWorker({ env, args: ['check'], onOutput: (line) => found.push(line) })
    const { code } = await check.exited
    const failures = found.filter((line) => line.startsWith('FAILED'))
    expect(code).toBe(failures.length === 0 ? 0 : 1)
    return failures
  }
  expect(await failuresOf(() => false)).toEqual([])
  expect(await failuresOf((url) => url.endsWith('/json'))).toEqual([expect.stringMatching(/1 container cannot be inspected.*403/)])
  expect(await failuresOf((url) => url.includes('/logs'))).toEqual([expect.stringMatching(/logs cannot be read.*403/)])
  expect(await failuresOf((url) => url.includes('/stats'))).toEqual([expect.stringMatching(/stats cannot be read.*403/)])
  expect(await failuresOf((url) => url.includes('/events'))).toEqual([expect.stringMatching(/events cannot be read.*403/)])
  const silent = engine.intercept
  engine.intercept = (request, response) => request.url?.includes('/events') === true || silent(request, response)
  const found: string[] = []
  const check = await startWorker({ env, args: ['check'], onOutput: (line) => found.push(line) })
  expect((await check.exited).code).toBe(1)
  expect(found.filter((line) => line.startsWith('FAILED'))).toEqual([expect.stringMatching(/events cannot be read: no answer within 2 s/)])
})
