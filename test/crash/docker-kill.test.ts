import { afterAll, beforeAll, expect, it } from 'vitest'
import { Random } from '../../dev/drill/random.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { RealDockerScene } from '../support/docker-scene.ts'

const KILLS = 50
const CONTAINERS = 16
const LINES = 1000

let scene: RealDockerScene

beforeAll(async () => {
  scene = await RealDockerScene.open()
})

afterAll(() => scene?.close())

/** Numbered lines on both streams, five of each at a time. */
const both = (lines: number) =>
  `n=0; while [ $n -lt ${lines} ]; do i=0; while [ $i -lt 5 ]; do i=$((i+1)); n=$((n+1)); echo "$n"; echo "$n" >&2; done; sleep 0.4; done; echo end`
/** Numbered lines of 100 KB. */
const long = (lines: number) =>
  `x=$(head -c 100000 /dev/zero | tr '\\0' 'x'); n=0; while [ $n -lt ${lines} ]; do n=$((n+1)); echo "$n $x"; sleep 1; done; echo end`

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1))

it(`kill -9 of the worker ${KILLS} times while containers write: every line arrives, each with one event.id`, async () => {
  const names: string[] = []
  for (let index = 0; index < CONTAINERS; index++) {
    names.push(`plain-${index}`)
    await scene.engine.start(both(LINES), ['--name', `plain-${index}`])
  }
  await scene.engine.start(both(LINES), ['--name', 'terminal', '--tty'])
  await scene.engine.start(long(60), ['--name', 'long'])
  await scene.engine.start(both(LINES), ['--name', 'rotated', '--log-opt', 'max-size=20k', '--log-opt', 'max-file=50'])
  await scene.engine.start(both(LINES), ['--name', 'local', '--log-driver', 'local'])
  const random = new Random(20_261_127)
  const short: string[] = []
  for (let kills = 0; kills < KILLS; kills++) {
    const before = scene.documents.length
    const worker = await scene.work()
    if (kills % 5 === 0) short.push(await scene.engine.start('echo a; echo b >&2; exit 3'))
    if (kills % 3 === 0) await worker.waitUntil('it writes', () => scene.documents.length > before)
    await sleep(900 * random.next())
    expect(await worker.kill()).toEqual({ code: undefined, signal: 'SIGKILL' })
  }
  const last = await scene.work()
  const all = [...names, 'terminal', 'long', 'rotated', 'local']
  await last.waitUntil('every container has been read to its end', () => all.every((name) => scene.messagesOf(name).includes('end')), {
    timeoutMs: 120_000,
  })
  for (const name of [...names, 'rotated', 'local']) {
    expect(scene.messagesOf(name, 'stdout'), name).toEqual([...numbers(LINES), 'end'])
    expect(scene.messagesOf(name, 'stderr'), name).toEqual(numbers(LINES))
  }
  expect(scene.messagesOf('terminal')).toEqual([...numbers(LINES).flatMap((number) => [number, number]), 'end'])
  const lines = scene.messagesOf('long')
  expect(lines.map((line) => line.split(' ')[0])).toEqual([...numbers(60), 'end'])
  expect(lines.slice(0, -1).every((line) => line.replace(/^\d+ /, '') === 'x'.repeat(100_000))).toBe(true)
  for (const id of short) expect(scene.messagesOf(id).sort()).toEqual(['a', 'b'])
  const { ledger, inputs } = await last.stats()
  expect(ledger).toMatchObject({ residue: 0, in_flight: 0, dropped: 0 })
  expect(inputs['docker']).toMatchObject({ gaps: { rotated: 0, driver: 0, removed: 0, damaged: 0 } })
  expect(await last.stop()).toEqual({ code: 0, signal: undefined })
  expect(scene.documents.length).toBeGreaterThan(new Set(scene.documents.map(({ event }) => event.id)).size)
})
