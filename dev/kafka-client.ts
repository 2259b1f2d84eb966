import { Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { waitUntil } from './wait-until.ts'

/** A client for the stack's own errands: silent, quick to try again. */
export const kafkaClient = (brokers: readonly string[], config: Partial<KafkaConfig> = {}): Kafka =>
  new Kafka({
    clientId: 'cfmr-dev',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 },
    ...config,
  })

export interface NewTopic {
  readonly topic: string
  readonly partitions?: number
  readonly replicas?: number
  /** Such as `compression.type`: the broker's own Java codecs then write what consumers read. */
  readonly config?: Readonly<Record<string, string>>
}

/** Resolves when each has its leaders. */
export async function createTopics(kafka: Kafka, topics: readonly NewTopic[]): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: topics.map(({ topic, partitions = 1, replicas = -1, config = {} }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replicas,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    })
    // kafkajs would wait for leaders, too, but not for a broker that has not heard of the topic yet.
    await waitUntil('each partition has its leader', async () => {
      const made = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) }).catch(notYet)
      return made?.topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))
    })
  } finally {
    await admin.disconnect()
  }
}

/** To catch what kafkajs leaves to us to ask again; throws anything else. */
export function notYet(error: { readonly retriable?: boolean }): undefined {
  if (error.retriable !== true) throw error
}
