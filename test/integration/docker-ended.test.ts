import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type FakeContainer, FIRST_NS, frameOf, startFakeEngine, timeOf } from '../../dev/docker/fake-engine.ts'
import { DockerScene } from '../support/docker-scene.ts'

const LINES = 3
const lineOf = (n: number) => frameOf(1, `${timeOf(BigInt(n) * 1_000_000n)} line ${n}\n`)
const linesFrom = (since: bigint, count: number) =>
  Array.from({ length: count }, (_, index) => index + 1).flatMap((n) => (FIRST_NS + BigInt(n) * 1_000_000n < since ? [] : [lineOf(n)]))

/** A container that has ended, and whose log has so many lines. */
function endedContainer(number: number): FakeContainer & { lines: number } {
  const container = {
    id: String(number).padStart(64, 'e'),
    name: `ended-${number}`,
    isRunning: false,
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: '2026-01-01T00:01:00Z',
    lines: LINES,
    logs: [(response, since) => void response.end(Buffer.concat(linesFrom(since, container.lines)))],
    tail: (records) => linesFrom(0n, container.lines).slice(-records),
  } as FakeContainer & { lines: number }
  return container
}

async function sceneOf(...containers: readonly FakeContainer[]) {
  const engine = await startFakeEngine({ containers })
  onTestFinished(() => engine.close())
  const asked = (name: string) => {
    const { id } = containers.find((container) => container.name === name) as FakeContainer
    return engine.requests.filter((request) => request.includes(`/containers/${id}/logs`)).length
  }
  return { engine, scene: DockerScene.with(engine.host), asked }
}

const messages = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`)
/** How many ends of logs are kept. */
function endsOf({ state }: DockerScene): number {
  const file = join(state, 'docker.json')
  return existsSync(file) ? (readFileSync(file, 'utf8').match(/"end":/g) ?? []).length : 0
}

it('opens the logs of ended containers once, and at the next start those alone that may have something new', async () => {
  const containers = Array.from({ length: 300 }, (_, number) => endedContainer(number))
  const { engine, scene } = await sceneOf(...containers)
  const first = await scene.work()
  await first.waitUntil('all are read', () => containers.every(({ name }) => scene.messagesOf(name).length === LINES))
  await first.waitUntil('their ends are kept', () => endsOf(scene) === containers.length)
  expect(await first.stop()).toMatchObject({ code: 0 })
  const [restarted, again, emptied] = containers as [FakeContainer & { lines: number }, FakeContainer & { lines: number }, FakeContainer]
  // One has run meanwhile; one is said to have ended at another time, as after a step of the clock; one runs.
  Object.assign(restarted, { startedAt: '2026-01-02T00:00:00Z', finishedAt: '2026-01-02T00:01:00Z', lines: LINES + 2 })
  Object.assign(again, { finishedAt: '2025-12-31T00:01:00Z', lines: LINES + 1 })
  Object.assign(emptied, { isRunning: true })
  engine.requests.length = 0
  const second = await scene.work()
  await second.waitUntil(
    'what is new is read',
    () => scene.messagesOf(restarted.name).length === LINES + 2 && scene.messagesOf(again.name).length === LINES + 1,
  )
  expect(scene.messagesOf(restarted.name)).toEqual(messages(LINES + 2))
  const opened = new Set(engine.requests.flatMap((request) => /\/containers\/(\w+)\/logs/.exec(request)?.[1] ?? []))
  await second.waitUntil(
    'all are inspected',
    () => engine.requests.filter((request) => request.endsWith('/json')).length > containers.length,
  )
  expect([...opened].sort()).toEqual([restarted, again, emptied].map(({ id }) => id).sort())
  expect(await second.stop()).toMatchObject({ code: 0 })
})

it('reads on a log that was not opened for having been read, as soon as its container runs again', async () => {
  const container = endedContainer(1)
  const { engine, scene, asked } = await sceneOf(container)
  const first = await scene.work()
  await first.waitUntil('its end is kept', () => scene.messagesOf(container.name).length === LINES && endsOf(scene) === 1)
  await first.stop()
  engine.requests.length = 0
  const second = await scene.work()
  await second.ready()
  await second.waitUntil('it is inspected', () => engine.requests.some((request) => request.includes(`${container.id}/json`)))
  expect(asked(container.name)).toBe(0)
  Object.assign(container, { startedAt: '2026-01-03T00:00:00Z', finishedAt: '2026-01-03T00:00:01Z', lines: LINES + 1 })
  const actor = { ID: container.id, Attributes: { name: container.name, image: 'box:1' } }
  engine.say({ Type: 'container', Action: 'start', Actor: actor, timeNano: String(FIRST_NS + 9n) })
  engine.say({ Type: 'container', Action: 'die', Actor: actor, timeNano: String(FIRST_NS + 10n) })
  await second.waitUntil('it is read', () => scene.messagesOf(container.name).length === LINES + 1)
  expect(scene.messagesOf(container.name)).toEqual(messages(LINES + 1))
  await second.stop()
})

it('takes no stream that was cut for the end of a log, be it between lines or within one', async () => {
  const half = endedContainer(1)
  const within = endedContainer(2)
  const long = (last: boolean) => frameOf(1, `${timeOf(4_000_000n)} ${last ? 'its end\n' : `${'x'.repeat(16_384)}`}`)
  let cuts = 0
  Object.assign(half, {
    logs: [(response, since) => void response.end(Buffer.concat(linesFrom(since, 1))), (response) => void response.end(), ...half.logs],
  } satisfies Partial<FakeContainer>)
  Object.assign(within, {
    logs: [
      (response, since) => void response.end(Buffer.concat([...linesFrom(since, LINES), long(false), ...(++cuts < 3 ? [] : [long(true)])])),
    ],
    tail: (records: number) => [...linesFrom(0n, LINES), long(false), long(true)].slice(-records),
  } satisfies Partial<FakeContainer>)
  const { scene } = await sceneOf(half, within)
  const worker = await scene.work()
  await worker.waitUntil(
    'both are read',
    () => scene.messagesOf(half.name).length === LINES && scene.messagesOf(within.name).length === LINES + 1,
  )
  expect(scene.messagesOf(half.name)).toEqual(messages(LINES))
  expect(scene.messagesOf(within.name)).toEqual([...messages(LINES), `${'x'.repeat(16_384)}its end`])
  await worker.waitUntil('their ends are kept', () => endsOf(scene) === 2)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { damaged: 0, rotated: 0 } })
  await worker.stop()
})

it('keeps no end of a log of which a line is not settled', async () => {
  const container = Object.assign(endedContainer(1), { lines: 3000 })
  const { scene } = await sceneOf(container)
  const first = await scene.work({ CFMR_BATCHER_FLUSHMESSAGES: '100', CFMR_PROCESSINGTIMEOUT: '2s' })
  first.stallOutput()
  await first.waitUntil('it is read', async () => (await first.stats()).ledger.consumed === 3000)
  await first.waitUntil('nothing more is taken', async () => (await first.stats()).ledger.in_flight > 0)
  expect(await first.stop()).toMatchObject({ code: 1 })
  expect(endsOf(scene)).toBe(0)
  const second = await scene.work()
  await second.waitUntil('all is written', () => scene.messagesOf(container.name).length === 3000)
  expect(scene.messagesOf(container.name)).toEqual(messages(3000))
  await second.waitUntil('its end is kept', () => endsOf(scene) === 1)
  await second.stop()
})
