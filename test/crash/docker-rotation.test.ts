import { appendFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { waitUntil } from '../../dev/wait-until.ts'
import { RealDockerScene } from '../support/docker-scene.ts'

let scene: RealDockerScene

beforeAll(async () => {
  scene = await RealDockerScene.open()
})

afterAll(() => scene?.close())

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1))
/** At most 10,000 numbered lines a second, of some 80 bytes each in the engine's file. */
const counting = (lines: number) =>
  `n=0; while [ $n -lt ${lines} ]; do seq $((n+1)) $((n+1000)); n=$((n+1000)); usleep 100000; done; echo end`

async function gaps(worker: Awaited<ReturnType<RealDockerScene['work']>>): Promise<Readonly<Record<string, number>>> {
  return (await worker.stats()).inputs['docker']?.['gaps' as never] as unknown as Readonly<Record<string, number>>
}

it('moby #37646, #23913, #32038: 10,000 lines a second while the engine rotates: none is lost or doubled, over a kill of the worker, too', async () => {
  const lines = 100_000
  const first = await scene.work()
  await first.ready()
  const id = await scene.engine.start(counting(lines), ['--log-opt', 'max-size=2m', '--log-opt', 'max-file=8'])
  await first.waitUntil('a third is read', () => scene.messagesOf(id).length > lines / 3, { timeoutMs: 120_000 })
  await first.kill()
  const second = await scene.work()
  await second.waitUntil('all is read', () => scene.messagesOf(id).length > lines, { timeoutMs: 120_000 })
  expect(scene.messagesOf(id)).toEqual([...numbers(lines), 'end'])
  expect(await gaps(second)).toMatchObject({ rotated: 0, damaged: 0, removed: 0 })
  expect((await second.stats()).ledger).toMatchObject({ residue: 0, dropped: 0 })
  await second.stop()
})

it('moby #39235: where the engine keeps one file alone, and empties it, reading goes on in order, and comes to the end', async () => {
  const worker = await scene.work()
  await worker.ready()
  const id = await scene.engine.start(counting(20_000), ['--log-opt', 'max-size=100k', '--log-opt', 'max-file=1'])
  await worker.waitUntil('the end is read', () => scene.messagesOf(id).includes('end'), { timeoutMs: 200_000 })
  const read = scene.messagesOf(id).slice(0, -1).map(Number)
  // Where it empties the file, the engine itself may give a line twice.
  expect(read).toEqual(read.toSorted((a, b) => a - b))
  await worker.stop()
})

/** The zeros are before it, in its line of the engine's file. */
const HIT = '201'

it('moby #53631: of a log with zeros in it, as after a power cut, all is read but the line that they hit, and the damage is counted', async () => {
  // A hundred lines each time that it is told to.
  const script = 'n=0; while true; do [ -e /tmp/go ] && rm /tmp/go && seq $((n+1)) $((n+100)) && n=$((n+100)); usleep 50000; done'
  const id = await scene.engine.start(script, ['--name', 'damaged'])
  const write = async (all: number) => {
    await scene.engine.docker('exec', id, 'touch', '/tmp/go')
    await waitUntil('it has written', async () => (await scene.engine.docker('logs', '--tail', '1', id)) === String(all))
  }
  await write(100)
  const first = await scene.work()
  await first.waitUntil('it reads', () => scene.messagesOf(id).length === 100)
  await first.stop()
  await write(200)
  appendFileSync(await scene.engine.docker('inspect', '--format', '{{.LogPath}}', id), Buffer.alloc(4096))
  await write(300)
  const second = await scene.work()
  const readAll = (all: number) => new Set([...scene.messagesOf(id), HIT]).size === all
  await second.waitUntil('it is read', () => readAll(300))
  await write(400)
  await second.waitUntil('it reads on', () => readAll(400))
  expect(scene.messagesOf(id).filter((line) => line !== HIT)).toEqual(numbers(400).filter((number) => number !== HIT))
  expect(await gaps(second)).toMatchObject({ damaged: 1, rotated: 0 })
  await second.stop()
})
