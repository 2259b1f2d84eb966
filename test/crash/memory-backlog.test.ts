import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { cloudControllerFor, ignorantCloudControllerFor, influxDbProxy, pausedReasons, startContained } from './memory-scene.ts'
import { Scene, stepNs } from './scene.ts'

/** Producing takes longer than reading; a million is for whoever has the time. */
const BACKLOG = Number(process.env['BACKLOG'] ?? 300_000)

const mix = loadMix({ apps: 10_000, stepNs })
let scene: Scene

beforeAll(async () => {
  // The broker compresses: what a fetch becomes in memory is several times what it was on the wire.
  scene = await Scene.open({ mix, topicConfig: { 'compression.type': 'gzip' } })
  await scene.send(BACKLOG)
})

afterAll(() => scene?.close())

async function expectWorkedOff(worker: WorkerProcess): Promise<void> {
  await worker.waitUntil('all is settled', async () => (await worker.stats()).ledger.consumed === BACKLOG, { timeoutMs: 120_000 })
  await worker.waitUntil('all is committed', async () => (await worker.stats()).kafka.lag === 0)
  const { discarded } = scene.kinds()
  expect((await worker.stats()).ledger).toMatchObject({ written: BACKLOG - discarded, discarded, in_flight: 0, residue: 0 })
  await scene.expectAllStored()
}

it(`within 256 MB: InfluxDB hangs, so reading pauses and says why; then a backlog of ${BACKLOG} is worked off`, async () => {
  const { proxy, env, onLog } = await influxDbProxy(scene)
  const cloudController = await cloudControllerFor(mix.apps)
  const { worker, expectWithinLimit } = await startContained(scene, 'hangs', {
    env: { ...cloudController.env, ...env, CFMR_KAFKA_DEADLETTERTOPIC: await scene.kafka.topic() },
    onLog,
  })
  await pausedReasons(worker)
  await worker.waitUntil('/readyz names InfluxDB', async () => (await worker.get('/readyz')).body.includes('a write has had no answer'))
  const { influxdb, kafka } = await worker.stats()
  expect(influxdb.in_flight).toBe(2)
  expect(kafka.partitions[0]?.oldest_unacked_seconds).toBeGreaterThan(0)
  await proxy.heal()
  await expectWorkedOff(worker)
  await expectWithinLimit()
})

it('within 256 MB: Cloud Controller hangs and every app is unknown, so messages are held up to the limit and the apps are named; then it answers', async () => {
  const cloudController = await ignorantCloudControllerFor(mix.apps)
  const { worker, expectWithinLimit } = await startContained(scene, 'unknown', { env: cloudController.env })
  expect(await pausedReasons(worker)).toMatch(/\d+ messages wait for Cloud Controller's answer about the apps [0-9a-f-]{36}/)
  const { metadata, ledger } = await worker.stats()
  expect(metadata.held).toBeGreaterThan(10_000)
  expect(metadata.held_apps).toHaveLength(20)
  expect(ledger).toMatchObject({ written: 0, not_found: 0 })
  cloudController.learns()
  await expectWorkedOff(worker)
  await expectWithinLimit()
})
