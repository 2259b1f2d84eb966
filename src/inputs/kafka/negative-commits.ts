import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { sleep } from '../../lib/sleep.ts'

interface OffsetCommit {
  readonly groupId: string
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
  }[]
}

interface Broker {
  offsetCommit(commit: OffsetCommit): Promise<unknown>
}

/** kafkajs asks again at once for what is out of range, until somebody has found out where to go on. */
const ASK_AGAIN_MS = 200
const NOTHING_COMMITTED = { throttleTime: 0, responses: [] }

const refused = new EventEmitter<{ refused: [groupId: string] }>().setMaxListeners(0)

let isDone = false

/**
 * Lets kafkajs commit no negative offset, in this whole process. Where a position is out of range (retention has passed it) it commits
 * -2, the oldest, and looks where that is: whoever is killed meanwhile has left a group that begins at the oldest and counts none of
 * the messages that it missed. Without that commit the offset of before stays, and tells.
 */
export function commitNothingNegative(): void {
  if (isDone) return
  isDone = true
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker/index.js') as { readonly prototype: Broker }
  const original = prototype.offsetCommit
  prototype.offsetCommit = async function (this: Broker, commit: OffsetCommit) {
    const topics = commit.topics
      .map((topic) => ({ ...topic, partitions: topic.partitions.filter(({ offset }) => Number(offset) >= 0) }))
      .filter(({ partitions }) => partitions.length > 0)
    const isWhole = topics.every(({ partitions }, i) => partitions.length === commit.topics[i]?.partitions.length)
    if (isWhole && topics.length === commit.topics.length) return original.call(this, commit)
    refused.emit('refused', commit.groupId)
    await sleep(ASK_AGAIN_MS)
    return topics.length === 0 ? NOTHING_COMMITTED : original.call(this, { ...commit, topics })
  }
}

/** Calls `listener` when a position of the group was out of range. Returns what ends that. */
export function whenOutOfRange(groupId: string, listener: () => void): () => void {
  const heard = (group: string) => {
    if (group === groupId) listener()
  }
  refused.on('refused', heard)
  return () => void refused.off('refused', heard)
}
