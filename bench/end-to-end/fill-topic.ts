import { type Kafka, Partitioners } from 'kafkajs'
import { createTopics } from '../../dev/kafka-client.ts'
import type { Mix } from '../../dev/load/mix.ts'

export interface FillOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly mix: Mix
  readonly envelopes: number
  /** Kafka keeps that many messages of a partition in one record batch. */
  readonly batchMessages?: number
  /** Kafka's `compression.type`: its own Java codecs write what is read. */
  readonly compression?: string
}

const SENDS_AT_ONCE = 4

/** Makes the topic and puts the mix's first envelopes into it, a record batch to each partition in turn. */
export async function fillTopic(options: FillOptions): Promise<void> {
  const { kafka, topic, partitions, mix, envelopes, batchMessages = 1000, compression = 'uncompressed' } = options
  await createTopics(kafka, [{ topic, partitions, config: { 'compression.type': compression } }])
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    // A busy broker names itself as the leader of many new partitions some seconds before it is.
    retry: { maxRetryTime: 1000, retries: 60 },
  })
  await producer.connect()
  let batches = 0
  const send = async () => {
    while (batches * batchMessages < envelopes) {
      const first = batches * batchMessages
      const partition = batches++ % partitions
      const length = Math.min(batchMessages, envelopes - first)
      const messages = Array.from({ length }, (_, index) => ({ value: mix.envelope(first + index), partition }))
      await producer.send({ topic, messages, acks: -1 })
    }
  }
  try {
    await Promise.all(Array.from({ length: SENDS_AT_ONCE }, send))
  } finally {
    await producer.disconnect()
  }
}
