import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleApps } from '../../dev/load/mix.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { cloudControllerFor, ignorantCloudControllerFor, influxDbProxy, pausedReasons, startContained } from './memory-scene.ts'
import { firstNs, Scene } from './scene.ts'

const apps = sampleApps()

/** A log line of an app, so long that its envelope has about that size. */
function largeEnvelope(number: number, sizeBytes: number): Buffer {
  const ns = firstNs + BigInt(number)
  const message = Buffer.alloc(Math.floor((sizeBytes - 1000) * 0.75), `line ${number} `).toString('base64')
  const guid = apps[number % apps.length]?.app_guid
  const log = `{"message":"${message}","message_type":1,"timestamp":${ns},"app_id":"${guid}","source_type":"APP","source_instance":"0"}`
  return Buffer.from(`{"origin":"rep","eventType":5,"timestamp":${ns},"logMessage":${log}}`)
}

describe.each([
  { name: '1 MB', sizeBytes: 1_000_000, count: 120, topicConfig: {} },
  { name: '1 MB that zstd makes a few KB', sizeBytes: 1_000_000, count: 120, topicConfig: { 'compression.type': 'zstd' } },
  { name: '10 MB of one partition of one broker', sizeBytes: 10_000_000, count: 12, topicConfig: { 'max.message.bytes': '12000000' } },
])('messages of $name stay within 256 MB', ({ sizeBytes, count, topicConfig }) => {
  let scene: Scene

  beforeAll(async () => {
    scene = await Scene.open({ topicConfig })
    const producer = scene.kafka.client.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    for (let n = 0; n < count; n++) await producer.send({ topic: scene.topic, messages: [{ value: largeEnvelope(n, sizeBytes) }] })
    await producer.disconnect()
  })

  afterAll(() => scene?.close())

  async function expectAllWritten(worker: WorkerProcess): Promise<void> {
    await worker.waitUntil('all is written', async () => (await worker.stats()).ledger.written === count, { timeoutMs: 60_000 })
    expect(await scene.influxDb.count(scene.database, 'log', 'count')).toBe(count)
  }

  it('while InfluxDB hangs and they are kept for dead letters, and when it goes on', async () => {
    const { proxy, env, onLog } = await influxDbProxy(scene)
    const cloudController = await cloudControllerFor(apps)
    const all = { ...cloudController.env, ...env, CFMR_KAFKA_DEADLETTERTOPIC: 'not-needed' }
    const { worker, expectWithinLimit } = await startContained(scene, 'hangs', { env: all, onLog })
    await pausedReasons(worker)
    await proxy.heal()
    await expectAllWritten(worker)
    await expectWithinLimit()
  })

  it('while Cloud Controller hangs and every app is unknown, and when it goes on', async () => {
    const cloudController = await ignorantCloudControllerFor(apps)
    const { worker, expectWithinLimit } = await startContained(scene, 'unknown', { env: cloudController.env })
    expect(await pausedReasons(worker)).toMatch(/messages wait for Cloud Controller's answer/)
    cloudController.learns()
    await expectAllWritten(worker)
    await expectWithinLimit()
  })
})
