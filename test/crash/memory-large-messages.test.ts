import { CompressionTypes } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleApps } from '../../dev/load/mix.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { withBroker } from '../support/kafka-broker.ts'
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
    await worker.waitUntil('all is written', async () => (await worker.stats()).ledger.written === count)
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

it('a batch of each of 60 partitions that becomes 10 MB once it is decompressed stays within 256 MB, too', async () => {
  const partitions = 60
  const scene = await Scene.open({ partitions })
  const perBatch = 10
  const timestamp = String(Date.now())
  const topicData = Array.from({ length: partitions }, (_, partition) => {
    const numbers = Array.from({ length: perBatch }, (_, i) => perBatch * partition + i)
    const messages = numbers.map((number) => ({ key: null, value: largeEnvelope(number, 1_000_000), timestamp, headers: {} }))
    return { topic: scene.topic, partitions: [{ partition, messages }] }
  })
  await withBroker(scene.kafka.client, scene.topic, async (broker) => {
    for (const data of topicData) await broker.produce({ topicData: [data], compression: CompressionTypes.GZIP, acks: -1, timeout: 30_000 })
  })
  try {
    const { proxy, env, onLog } = await influxDbProxy(scene)
    const cloudController = await cloudControllerFor(apps)
    const { worker, expectWithinLimit } = await startContained(scene, 'dense', { env: { ...cloudController.env, ...env }, onLog })
    await pausedReasons(worker)
    await proxy.heal()
    const count = partitions * perBatch
    await worker.waitUntil('all is written', async () => (await worker.stats()).ledger.written === count)
    await expectWithinLimit()
  } finally {
    await scene.close()
  }
})
