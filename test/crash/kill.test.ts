import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { Random } from '../../dev/drill/random.ts'
import { PointCounter } from '../../dev/point-counter.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { shared } from '../support/shared.ts'
import { Scene } from './scene.ts'

const KILLS = 5

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

it(`kill -9 at ${KILLS} random moments under load: no loss, and every repeat lands on its own point`, async () => {
  const counter = await PointCounter.start((await shared('influxdb')).url)
  onTestFinished(() => counter.close())
  const env = {
    CFMR_INFLUXDB_ADDR: counter.url,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_BATCHER_FLUSHMESSAGES: 500,
    CFMR_BATCHER_FLUSHINTERVAL: '100ms',
  }
  const sending = scene.send(30_000, 2000)
  const random = new Random(20_261_121)
  for (let kills = 0; kills < KILLS; kills++) {
    const before = counter.points
    const worker = await scene.start(env)
    if (kills % 2 === 0) await worker.waitUntil('it writes', () => counter.points > before)
    await sleep(1000 * random.next())
    expect(await worker.kill()).toEqual({ code: undefined, signal: 'SIGKILL' })
    await scene.expectCommittedIsStored()
  }
  await sending
  const last = await scene.start(env)
  await scene.allCommitted(last)
  await scene.expectAllStored()
  const { discarded } = scene.kinds()
  expect(counter.points).toBeGreaterThan(scene.sent - discarded)
  expect((await last.stats()).ledger).toMatchObject({ in_flight: 0, abandoned: 0, residue: 0 })
  expect(await last.stop()).toEqual({ code: 0, signal: undefined })
})
