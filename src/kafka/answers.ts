import { createRequire } from 'node:module'
import type { Cluster } from 'kafkajs'

const require = createRequire(import.meta.url)

interface MetadataAnswer {
  readonly topicMetadata: readonly { readonly topicErrorCode: number }[]
}

/** Of ListOffsets, from version 1 on. */
interface OffsetsAnswer {
  readonly responses: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[]
  }[]
}

interface ResponseModule<Answer> {
  parse: (answer: Answer) => Promise<Answer>
}

/** kafkajs's `Cluster`, with what its types leave out. */
interface KafkajsCluster extends Pick<Cluster, 'defaultOffset' | 'findTopicPartitionMetadata'> {
  readonly isolationLevel: number
  readonly brokerPool: {
    readonly metadata: { readonly topicMetadata: readonly { readonly topic: string; readonly topicErrorCode: number }[] } | null
    metadataExpireAt: number | null
  }
  findBroker(node: { readonly nodeId: number }): Promise<{
    listOffsets(request: {
      readonly isolationLevel: number
      readonly topics: readonly { readonly topic: string; readonly partitions: readonly Asked[] }[]
    }): Promise<OffsetsAnswer>
  }>
}

interface Asked {
  readonly partition: number
  readonly timestamp: number
}

type Questions = Parameters<Cluster['fetchTopicsOffset']>[0]
type Offsets = Awaited<ReturnType<Cluster['fetchTopicsOffset']>>

const METADATA_VERSIONS = [0, 1, 2, 3, 4, 5, 6]
const LIST_OFFSETS_VERSIONS = [1, 2, 3]
const LEADER_NOT_AVAILABLE = 5

/** Makes kafkajs's error of Kafka's number for it. */
export const errorFromCode: (code: number) => Error & { readonly type: string; readonly retriable: boolean } =
  require('kafkajs/src/protocol/error.js').createErrorFromCode

let isDone = false

/**
 * Lets an error of one topic or partition stand for itself, in this whole process. kafkajs throws a whole answer away for one:
 * with a partition that has no leader anywhere in the cluster it lists no topics and joins no group. No option avoids that, so
 * what it makes of two answers is replaced:
 * - metadata: a topic with an error has no partitions, a partition without a leader the leader -1, and it throws only where no
 *   topic is left. The first is what Kafka sends, and the second what the rest of kafkajs knows how to deal with.
 * - offsets (of the oldest message, of the end): partitions that cannot be asked for are not in the answer, see {@link fetchTopicsOffset}.
 */
export function keepErrorsApart(): void {
  if (isDone) return
  isDone = true
  for (const version of METADATA_VERSIONS) response<MetadataAnswer>('metadata', version).parse = parseMetadata
  for (const version of LIST_OFFSETS_VERSIONS) response<OffsetsAnswer>('listOffsets', version).parse = async (answer) => answer
  require('kafkajs/src/cluster/index.js').prototype.fetchTopicsOffset = fetchTopicsOffset
}

function response<Answer>(request: string, version: number): ResponseModule<Answer> {
  return require(`kafkajs/src/protocol/requests/${request}/v${version}/response.js`)
}

async function parseMetadata(answer: MetadataAnswer): Promise<MetadataAnswer> {
  const [first] = answer.topicMetadata
  if (first !== undefined && answer.topicMetadata.every(({ topicErrorCode }) => topicErrorCode !== 0)) {
    throw errorFromCode(first.topicErrorCode)
  }
  return answer
}

/**
 * Rejects only where there is no offset at all. Where some are missing, the metadata is asked for again before it is used next:
 * leaders have moved, or are about to come back.
 */
async function fetchTopicsOffset(this: KafkajsCluster, questions: Questions): Promise<Offsets> {
  const byLeader = new Map<number, Map<string, Asked[]>>()
  let failure: unknown
  for (const { topic, partitions, fromBeginning, fromTimestamp } of questions) {
    const timestamp = fromTimestamp ?? this.defaultOffset({ fromBeginning: fromBeginning ?? false })
    const leaders = new Map(this.findTopicPartitionMetadata(topic).map(({ partitionId, leader }) => [partitionId, leader]))
    const known = this.brokerPool.metadata?.topicMetadata.find((one) => one.topic === topic)
    if (known !== undefined && known.topicErrorCode !== 0) failure ??= errorFromCode(known.topicErrorCode)
    for (const { partition } of partitions) {
      const leader = leaders.get(partition) ?? -1
      if (leader < 0) {
        failure ??= errorFromCode(LEADER_NOT_AVAILABLE)
        continue
      }
      const topics = byLeader.get(leader) ?? new Map<string, Asked[]>()
      byLeader.set(leader, topics)
      append(topics, topic, { partition, timestamp })
    }
  }
  const answers = await Promise.allSettled(
    [...byLeader].map(async ([nodeId, topics]) => {
      const broker = await this.findBroker({ nodeId })
      const asked = [...topics].map(([topic, partitions]) => ({ topic, partitions }))
      return (await broker.listOffsets({ isolationLevel: this.isolationLevel, topics: asked })).responses
    }),
  )
  const found = new Map<string, { partition: number; offset: string }[]>()
  for (const answer of answers) {
    if (answer.status === 'rejected') failure ??= answer.reason
    else {
      for (const { topic, partitions } of answer.value) {
        for (const { partition, offset, errorCode } of partitions) {
          if (errorCode === 0) append(found, topic, { partition, offset })
          else failure ??= errorFromCode(errorCode)
        }
      }
    }
  }
  if (failure !== undefined) {
    if (found.size === 0) throw failure
    this.brokerPool.metadataExpireAt = null
  }
  return [...found].map(([topic, partitions]) => ({ topic, partitions }))
}

function append<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
