import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { FaultProxy } from '../../dev/proxy.ts'
import { type FakeInfluxDb, startFakeInfluxDb } from '../fakes/influxdb.ts'
import { Scene } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
  await scene.send(4000)
})

afterAll(() => scene?.close())

async function startFake(): Promise<FakeInfluxDb> {
  const fake = await startFakeInfluxDb()
  onTestFinished(() => fake.close())
  return fake
}

/** What a group of its own writes of the topic, line by line. */
async function linesOf(name: string, fake: FakeInfluxDb, env: Record<string, string | number>): Promise<string[]> {
  const group = `${scene.group}-${name}`
  const worker = await scene.start({ CFMR_INFLUXDB_ADDR: fake.url, CFMR_KAFKA_CONSUMERGROUP: group, ...env })
  await worker.waitUntil('all is committed', async () => (await scene.kafka.lag(group, scene.topic)) === 0)
  await worker.kill()
  return [...fake.stored].sort()
}

it('equal input gives equal bytes, whatever the batch, the compression, the retry or the instance', async () => {
  const whole = await linesOf('whole', await startFake(), { CFMR_BATCHER_FLUSHMESSAGES: 5000, CFMR_BATCHER_FLUSHINTERVAL: '1s' })
  const { discarded } = scene.kinds()
  expect(whole).toHaveLength(4000 - discarded)

  const pieces = await linesOf('pieces', await startFake(), { CFMR_BATCHER_FLUSHMESSAGES: 37, CFMR_INFLUXDB_GZIP: 'true' })
  expect(pieces).toEqual(whole)

  const flaky = await startFake()
  flaky.onWrite = (_, number) => (number % 3 === 0 ? { status: 503 } : number % 3 === 1 && number < 5 ? 'reset' : { status: 204 })
  const retried = await linesOf('retried', flaky, { CFMR_BATCHER_FLUSHMESSAGES: 1500 })
  expect(flaky.writes.length).toBeGreaterThan(3)
  expect(retried).toEqual(whole)
  expect(new Set(flaky.writes.flatMap(({ lines }) => lines))).toEqual(new Set(whole))
})

it('a batch that was stored and whose answer was lost is written again on itself', async () => {
  const proxy = await FaultProxy.start({ targetPort: Number(new URL(scene.influxDbServer.url).port) })
  onTestFinished(() => proxy.close())
  const env = { CFMR_INFLUXDB_ADDR: `http://127.0.0.1:${proxy.port}`, CFMR_INFLUXDB_TIMEOUT: '2s', CFMR_BATCHER_FLUSHRETRIES: -1 }
  const worker = await scene.start(env)
  await worker.ready()
  proxy.swallowAnswers()
  await scene.send(1000)
  await worker.waitUntil('a write has failed', async () => (await worker.stats()).influxdb.failures > 0)
  expect((await worker.stats()).influxdb.last_error).toMatch(/no answer/)
  await proxy.heal()
  await scene.allCommitted(worker)
  await scene.expectAllStored()
})
