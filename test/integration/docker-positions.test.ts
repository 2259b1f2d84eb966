import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type FakeContainer, FIRST_NS, frameOf, startFakeEngine, timeOf } from '../../dev/docker/fake-engine.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { DockerScene } from '../support/docker-scene.ts'
import { startWorker } from '../support/worker.ts'

const ID = 'a7'.repeat(32)
const SECOND = 1_000_000_000n

interface Line {
  /** After the first of all. */
  readonly second: bigint
  readonly text: string
}

const frame = ({ second, text }: Line) => frameOf(1, `${timeOf(second * SECOND)} ${text}\n`)

/** Leaves out each line of before `since`, as Docker 20.10 does. */
function containerOf(lines: readonly Line[], more: Partial<FakeContainer> = {}): FakeContainer {
  return {
    id: ID,
    name: 'fake',
    isRunning: true,
    startedAt: '2026-01-01T00:00:00Z',
    logs: [
      (response, since) => {
        for (const line of lines) if (FIRST_NS + line.second * SECOND >= since) response.write(frame(line))
        if (more.isRunning === false) response.end()
      },
    ],
    tail: (records) => lines.slice(-records).map(frame),
    ...more,
  }
}

async function sceneOf(container: FakeContainer) {
  const engine = await startFakeEngine({ containers: [container] })
  onTestFinished(() => engine.close())
  return { engine, scene: DockerScene.with(engine.host) }
}

it('positions that make no sense are set aside, and every line is read again under its id', async () => {
  const lines = [1n, 2n, 3n].map((second) => ({ second, text: `line ${second}` }))
  const { scene } = await sceneOf(containerOf(lines))
  const first = await scene.work()
  await first.waitUntil('all is written', () => scene.documents.length === 3)
  await first.stop()
  const file = join(scene.state, 'docker.json')
  const whole = readFileSync(file, 'utf8')
  const damaged = [
    '',
    '\0'.repeat(whole.length),
    whole.slice(0, -9),
    'null',
    '{"format":1,"containers":null}',
    whole.replace(/\d{19}/, '9'.repeat(23)),
  ]
  for (const [index, text] of damaged.entries()) {
    writeFileSync(file, text)
    const worker = await scene.work()
    await worker.waitUntil('all is written again', () => scene.documents.length === 3 * (index + 2))
    expect(await worker.logged(/positions of logs are damaged/)).toMatchObject({ level: 'ERROR', aside: `${file}.damaged` })
    expect(readFileSync(`${file}.damaged`, 'utf8')).toBe(text)
    await worker.stop()
    expect(readFileSync(file, 'utf8')).toBe(whole)
  }
  expect(scene.messagesOf('fake')).toEqual(['line 1', 'line 2', 'line 3'])
})

it('a place where no positions can be kept is said by check and by the worker, with the variable', async () => {
  const file = join(scratchFolder('no-state'), 'file')
  writeFileSync(file, '')
  const full = scratchFolder('no-state')
  mkdirSync(join(full, 'docker.json'))
  for (const state of [file, join(file, 'below'), full]) {
    const env = { CFMR_INPUT: 'docker', CFMR_OUTPUT: 'stdout', CFMR_DOCKER_HOST: 'unix:///nowhere/docker.sock', CFMR_STATE: state }
    const found: string[] = []
    const check = await startWorker({ env, args: ['check'], onOutput: (line) => found.push(line) })
    expect(await check.exited).toMatchObject({ code: 1 })
    expect(found.find((line) => line.includes('CFMR_STATE'))).toMatch(/^FAILED .*positions cannot be kept/)
    const worker = await startWorker({ env })
    expect(await worker.exited).toMatchObject({ code: 1 })
    expect(worker.log.find(({ level }) => level === 'ERROR')?.['error']).toMatch(/CFMR_STATE/)
  }
  expect(existsSync(join(full, 'docker.json'))).toBe(true)
})

it('what was written after the clock was set back is read, though the engine leaves out what is of before the position', async () => {
  const lines = [1000n, 2000n].map((second) => ({ second, text: `at ${second}` }))
  const { scene, engine } = await sceneOf(containerOf(lines, { isRunning: false, finishedAt: '2026-01-01T01:00:00Z' }))
  const first = await scene.work()
  await first.waitUntil('all is written', () => scene.documents.length === 2)
  await first.stop()
  const later = [...lines, ...[5n, 3n, 4n, 4n].map((second, index) => ({ second, text: `back ${index}` }))]
  engine.containers.set(ID, containerOf(later, { isRunning: false, startedAt: '2026-01-01T02:00:00Z', finishedAt: '2026-01-01T02:00:09Z' }))
  const second = await scene.work()
  await second.waitUntil('all is written', () => scene.messagesOf('fake').length === 6)
  await second.waitUntil('the end is kept', () => readFileSync(join(scene.state, 'docker.json'), 'utf8').includes('"end"'))
  expect(scene.messagesOf('fake')).toEqual(later.map(({ text }) => text))
  expect(scene.documents).toHaveLength(6)
  expect((await second.stats()).inputs['docker']).toMatchObject({ gaps: { rotated: 0, damaged: 0 } })
})

it('a log that nobody gives a line of is asked for from its first line once, not for ever', async () => {
  const lines = [1000n, 2000n].map((second) => ({ second, text: `at ${second}` }))
  const { scene, engine } = await sceneOf(containerOf(lines, { isRunning: false, finishedAt: '2026-01-01T01:00:00Z' }))
  const first = await scene.work()
  await first.waitUntil('all is written', () => scene.documents.length === 2)
  await first.stop()
  const tail = (records: number) => [...lines, { second: 5n, text: 'lost' }].slice(-records).map(frame)
  engine.containers.set(ID, {
    ...containerOf(lines, { isRunning: false, startedAt: '2026-01-01T02:00:00Z', finishedAt: '2026-01-01T02:00:09Z' }),
    tail,
  })
  engine.requests.length = 0
  const second = await scene.work()
  await second.waitUntil('it is held for read', async () => (await second.get('/stats/containers')).body.includes('read to its end'))
  const follows = engine.requests.filter((request) => /follow=true/.test(request))
  expect(follows.filter((request) => !/since/.test(request))).toHaveLength(1)
  expect(scene.documents).toHaveLength(2)
})
