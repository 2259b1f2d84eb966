import { afterEach, expect, it } from 'vitest'
import { type KafkaCluster, startKafkaCluster } from '../../dev/kafka.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { KafkaTester } from '../support/kafka.ts'
import { uniqueName } from '../support/shared.ts'
import { sampleAppsApi, startWorker } from '../support/worker.ts'

let cluster: KafkaCluster | undefined
let kafka: KafkaTester | undefined

afterEach(async () => {
  await kafka?.close()
  await cluster?.close()
})

const mix = loadMix()

it('leaders move while messages are sent, brokers are stopped and killed in turn, and so is the worker: every event is there', async () => {
  cluster = await startKafkaCluster()
  kafka = await KafkaTester.connect({ brokers: cluster.brokers })
  const topic = await kafka.topic({ partitions: 4 })
  const out = await kafka.topic({ partitions: 4 })
  const load = new Load({ kafka: kafka.client, topics: [{ topic, partitions: 4 }], mix, perSecond: 800 })
  const group = uniqueName('group')
  const env = {
    CFMR_OUTPUT: 'kafka',
    CFMR_KAFKA_BROKERS: cluster.brokers.join(','),
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_CONSUMERGROUP: group,
    CFMR_KAFKA_SESSIONTIMEOUT: '30s',
    CFMR_KAFKAOUTPUT_TOPIC: out,
    CFMR_BATCHER_FLUSHINTERVAL: '200ms',
    CFMR_BATCHER_FLUSHRETRIES: -1,
    CFMR_CF_API: sampleAppsApi,
  }
  let worker = await startWorker({ env })
  await worker.ready({ timeoutMs: 120_000 })
  const inSync = async () => {
    const { topics } = await (kafka as KafkaTester).admin.fetchTopicMetadata({ topics: [topic, out] })
    return topics.every(({ partitions }) => partitions.every(({ isr }) => isr.length === 3))
  }
  for (const [index, node] of cluster.nodes.entries()) {
    const before = (await worker.stats()).outputs['kafka']?.records ?? 0
    if (index === 1) await node.kill()
    else await node.stop()
    await worker.waitUntil('it sends on', async () => ((await worker.stats()).outputs['kafka']?.records ?? 0) > before + 500, {
      timeoutMs: 120_000,
    })
    await node.restart()
    await waitUntil('all replicas are in sync', () => inSync().catch(() => false), { timeoutMs: 120_000 })
    if (index === 1) {
      await worker.kill()
      worker = await startWorker({ env })
      await worker.ready({ timeoutMs: 120_000 })
    }
  }
  await load.stop()
  const tester = kafka
  await waitUntil('all is committed', async () => (await tester.lag(group, topic)) === 0, { timeoutMs: 120_000 })
  const ends = await kafka.ends(out)
  const messages = await kafka.consume(
    out,
    ends.reduce((sum, end) => sum + end, 0),
  )
  // What the load had to send twice is twice in the input: the same but for its id.
  const events = new Set(messages.map(({ value }) => String(value).replace(/"id":"[\w-]{22}"/, '')))
  expect(events.size).toBe(load.pointCount)
  expect((await worker.stats()).ledger).toMatchObject({ residue: 0, refused: 0, in_flight: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})
