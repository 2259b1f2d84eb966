import type { Cluster } from 'kafkajs'
import { decompression } from '../lib/kafka-codecs.ts'

const MAX_BYTES = 1024 * 1024
const TIME_MS = 5000

interface FetchAnswer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly lastStableOffset: string; readonly messages: readonly unknown[] }[]
  }[]
}

/**
 * The first offset from `position` on that Kafka has anything at, or `position` where it is not sure that this one is empty.
 *
 * Compaction leaves a record batch without records behind where an idempotent producer's last number has to be kept. When it
 * is all there is in a segment, kafkajs asks for the same offset for ever, because nothing in the answer moves it on
 * (tulios/kafkajs#1072). Steps of one: an answer does not say where the empty batch ends, and a longer step could pass a message.
 */
export async function firstReadable(cluster: Cluster, topic: string, partition: number, position: number): Promise<number> {
  const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (leader === undefined) return position
  const broker = await cluster.findBroker({ nodeId: leader })
  const untilMs = Date.now() + TIME_MS
  let offset = position
  while (Date.now() < untilMs) {
    const { putOff } = decompression
    const { responses }: FetchAnswer = await broker.fetch({
      maxWaitTime: 100,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      isolationLevel: 1,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: MAX_BYTES }] }],
      rackId: '',
    })
    const answer = responses[0]?.partitions[0]
    // A batch that was put off looks empty and is not.
    if (answer === undefined || decompression.putOff !== putOff) return offset
    if (answer.messages.length > 0 || offset >= Number(answer.lastStableOffset)) return offset
    offset++
  }
  return offset
}
