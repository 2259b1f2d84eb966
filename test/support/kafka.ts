import type { Admin, IHeaders, Kafka } from 'kafkajs'
import { createTopics, kafkaClient, type NewTopic, notYet } from '../../dev/kafka-client.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { registerCodecs } from '../../src/kafka/codecs.ts'
import { uniqueName } from './shared.ts'

export interface ConsumedMessage {
  readonly partition: number
  readonly key: string | null
  readonly value: Buffer | null
  readonly timestamp: string
  readonly headers: Record<string, string>
}

/** What tests do with a Kafka besides the program: topics of their own, messages, a look at what is committed. */
export class KafkaTester {
  readonly brokers: readonly string[]
  readonly client: Kafka
  readonly admin: Admin

  private constructor(brokers: readonly string[]) {
    this.brokers = brokers
    this.client = kafkaClient(brokers)
    this.admin = this.client.admin()
  }

  static async connect({ brokers }: { readonly brokers: readonly string[] }): Promise<KafkaTester> {
    const tester = new KafkaTester(brokers)
    await tester.admin.connect()
    return tester
  }

  /** A topic with a name of its own, which it resolves to. */
  async topic(options: Omit<NewTopic, 'topic'> & { readonly topic?: string } = {}): Promise<string> {
    const topic = options.topic ?? uniqueName('topic')
    await createTopics(this.client, [{ ...options, topic }])
    return topic
  }

  /** All to one partition, in order, acknowledged when it resolves. */
  async produce(
    topic: string,
    values: readonly (Buffer | string | null)[],
    { partition = 0, headers = {} as IHeaders } = {},
  ): Promise<void> {
    const producer = this.client.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    try {
      for (let at = 0; at < values.length; at += 1000) {
        const messages = values.slice(at, at + 1000).map((value) => ({ value, partition, headers }))
        await producer.send({ topic, messages, acks: -1 })
      }
    } finally {
      await producer.disconnect()
    }
  }

  /** Everything in the topic's partition from its beginning, `count` messages of it. */
  async consume(topic: string, count: number): Promise<ConsumedMessage[]> {
    registerCodecs()
    const consumer = this.client.consumer({ groupId: uniqueName('reader') })
    await consumer.connect()
    try {
      await consumer.subscribe({ topic, fromBeginning: true })
      return await new Promise((resolve, reject) => {
        const read: ConsumedMessage[] = []
        consumer
          .run({
            eachMessage: async ({ partition, message: { key, value, headers, timestamp } }) => {
              const texts = Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)])
              read.push({ partition, key: key === null ? null : String(key), value, timestamp, headers: Object.fromEntries(texts) })
              if (read.length === count) resolve(read)
            },
          })
          .catch(reject)
      })
    } finally {
      await consumer.disconnect()
    }
  }

  /** The committed offset of each partition, in order; -1 where there is none. */
  async committed(groupId: string, topic: string): Promise<number[]> {
    const [answer] = await waitUntil('the coordinator of the group answers', () =>
      this.admin.fetchOffsets({ groupId, topics: [topic] }).catch(notYet),
    )
    return byPartition(answer?.partitions ?? []).map(({ offset }) => Number(offset))
  }

  /** The offset behind the last message of each partition, in order. */
  async ends(topic: string): Promise<number[]> {
    return byPartition(await this.admin.fetchTopicOffsets(topic)).map(({ high }) => Number(high))
  }

  /** Messages of the topic that the group has not committed yet. */
  async lag(groupId: string, topic: string): Promise<number> {
    const [committed, ends] = await Promise.all([this.committed(groupId, topic), this.ends(topic)])
    return ends.reduce((sum, end, partition) => sum + end - Math.max(0, committed[partition] ?? 0), 0)
  }

  close(): Promise<void> {
    return this.admin.disconnect()
  }
}

const byPartition = <Row extends { readonly partition: number }>(rows: readonly Row[]) =>
  [...rows].sort((a, b) => a.partition - b.partition)
