import kafkajs, { type Broker, type Cluster, type Kafka } from 'kafkajs'
import { uniqueName } from './shared.ts'

/**
 * Lends kafkajs's connection to the first broker, which speaks the protocol and nothing above it: for requests that no client
 * makes. `topic` is any that is there.
 */
export async function withBroker<Result>(kafka: Kafka, topic: string, use: (broker: Broker) => Promise<Result>): Promise<Result> {
  const clusters: Cluster[] = []
  const consumer = kafka.consumer({
    groupId: uniqueName('a look at the log'),
    partitionAssigners: [
      (config) => {
        clusters.push(config.cluster)
        return kafkajs.PartitionAssigners.roundRobin(config)
      },
    ],
  })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic })
    const broker = await clusters[0]?.findBroker({ nodeId: '1' })
    if (broker === undefined) throw new Error('no broker')
    return await use(broker)
  } finally {
    await consumer.disconnect()
  }
}
