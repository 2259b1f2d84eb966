import { CompressionTypes, type Kafka } from 'kafkajs'
import { expect, it } from 'vitest'
import { sampleApps } from '../../dev/load/mix.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { withBroker } from '../support/kafka-broker.ts'

/** Of a few bytes each: compressed, many more of them fit into the megabyte that Kafka takes for one batch by default. */
const RECORDS = 150_000

it('a record batch of more records than fit on the stack is read like any other', async () => {
  const site = await Installation.open()
  try {
    const topic = await site.kafka.topic({ partitions: 2, config: { 'max.message.bytes': '2000000' } })
    for (const [partition, compression] of [CompressionTypes.None, CompressionTypes.GZIP].entries()) {
      await sendAsOneBatch(site.kafka.client, topic, partition, compression)
      await site.kafka.produce(topic, logEnvelopes(sampleApps()[partition]?.app_guid ?? '', 0, 100), { partition })
    }
    const worker = await site.start({ CFMR_KAFKA_TOPICS: topic })
    await site.committed(worker, topic)
    expect((await site.stored()).log).toBe(200)
    expect((await worker.stats()).ledger).toMatchObject({ consumed: 2 * RECORDS + 200, no_app_guid: 2 * RECORDS, written: 200, residue: 0 })
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  } finally {
    await site.close()
  }
})

/** Empty envelopes. A producer of kafkajs would need minutes: it copies all messages once for each of them. */
async function sendAsOneBatch(kafka: Kafka, topic: string, partition: number, compression: CompressionTypes): Promise<void> {
  const timestamp = String(Date.now())
  const messages = Array.from({ length: RECORDS }, () => ({ key: null, value: '{}', timestamp, headers: {} }))
  const topicData = [{ topic, partitions: [{ partition, messages }] }]
  await withBroker(kafka, topic, (broker) => broker.produce({ topicData, compression, acks: -1, timeout: 30_000 }))
}
