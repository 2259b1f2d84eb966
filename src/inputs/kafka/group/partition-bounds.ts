import type { Cluster } from 'kafkajs'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Offsets of a partition: of its oldest message, and behind its newest. */
export interface Bounds {
  readonly oldest: number
  readonly end: number
}

/** By `keyOf`. */
export type Offsets = ReadonlyMap<string, number>

/** As kafkajs writes offsets. */
export interface TopicOffsets {
  readonly topic: string
  readonly partitions: { partition: number; offset: string }[]
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** All in two requests where that works; else each partition for itself, and those without an answer are left out. Rejects where there is none. */
export async function boundsOf(cluster: Cluster, partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Bounds>> {
  const bulk = async (some: readonly TopicPartition[]) => {
    const oldest = await offsetsOf(cluster, some, true)
    const ends = await offsetsOf(cluster, some, false)
    return some.flatMap((partition): [string, Bounds][] => {
      const key = keyOf(partition)
      const [low, end] = [oldest.get(key), ends.get(key)]
      return low === undefined || end === undefined ? [] : [[key, { oldest: low, end }]]
    })
  }
  try {
    return new Map(await bulk(partitions))
  } catch (error) {
    const each = await Promise.allSettled(partitions.map((partition) => bulk([partition])))
    const found = each.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (found.length === 0) throw error
    return new Map(found)
  }
}

async function offsetsOf(cluster: Cluster, partitions: readonly TopicPartition[], fromBeginning: boolean): Promise<Offsets> {
  const asked = [...byTopic(partitions)].map(([topic, some]) => ({
    topic,
    fromBeginning,
    partitions: some.map(({ partition }) => ({ partition })),
  }))
  return byPartition(await cluster.fetchTopicsOffset(asked))
}

/** -1 is none. */
export function byPartition(topics: readonly TopicOffsets[]): Offsets {
  return new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, offset }) => (offset === '-1' ? [] : [[keyOf({ topic, partition }), Number(offset)] as const])),
    ),
  )
}

/** What is to be committed: `offsetOf` each partition. */
export function topicOffsets<Some extends TopicPartition>(
  partitions: readonly Some[],
  offsetOf: (partition: Some) => number,
): TopicOffsets[] {
  return [...byTopic(partitions)].map(([topic, some]) => ({
    topic,
    partitions: some.map((one) => ({ partition: one.partition, offset: String(offsetOf(one)) })),
  }))
}

function byTopic<Some extends TopicPartition>(partitions: readonly Some[]): ReadonlyMap<string, readonly Some[]> {
  const topics = new Map<string, Some[]>()
  for (const partition of partitions) {
    const others = topics.get(partition.topic)
    if (others === undefined) topics.set(partition.topic, [partition])
    else others.push(partition)
  }
  return topics
}
