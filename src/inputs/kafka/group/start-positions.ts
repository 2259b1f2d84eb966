import type { Cluster } from 'kafkajs'
import type { Logger } from 'pino'
import { backoffMs } from '../../../lib/backoff.ts'
import { errorText } from '../../../lib/error-text.ts'
import { limitedLog } from '../../../lib/limited-log.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Assignment } from '../../offsets/assignment.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'
import { topicIds } from '../topic-ids.ts'
import type { Committer } from './committer.ts'
import type { GroupLife } from './group-life.ts'

export interface StartPositionsOptions {
  readonly groupId: string
  /** A group that has never committed begins at the newest message. */
  readonly offsetNewest: boolean
  readonly log: Logger
  /** Kafka deleted messages from `from` to before `to` unread. */
  readonly skipped: (topic: string, partition: number, from: number, to: number) => void
}

export interface Beginning {
  readonly life: GroupLife
  readonly committer: Committer
  readonly assignment: Assignment
  /** All that the group reads. */
  readonly topics: readonly string[]
  /** Of the group: one of its members has to say where a new group begins. */
  readonly isLeader: boolean
}

interface Bounds {
  readonly oldest: number
  readonly end: number
}

type Offsets = ReadonlyMap<string, number>

/** How long a member waits for the leader of a new group to store where it begins. */
const LEADER_MS = 10_000
/** A partition without a leader may be asked for a long time. */
const RETRIES = { initialMs: 200, maxMs: 1000, jitter: 0.2 }

/**
 * Where the partitions of an assignment begin: at what the group committed; where there is nothing, at the oldest message, or
 * at the newest when the group is new and that is asked for. Until that is known they are paused.
 *
 * kafkajs would find out by itself, but it cannot tell a new group from a new partition (it would jump over what is in the
 * latter), and where retention has passed the committed offset it commits -2 without counting what was lost.
 */
export class StartPositions {
  readonly #options: StartPositionsOptions
  readonly #log: ReturnType<typeof limitedLog>
  /** Of the topics that this process has read, the ids they had. */
  readonly #topicIds = new Map<string, string>()
  /** Partitions that were there when this process first looked; the others appeared later. */
  #present: ReadonlySet<string> | undefined

  constructor(options: StartPositionsOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
  }

  /** Resolves when all partitions are being read, or are no longer ours. One that cannot be begun holds no other. */
  async begin({ life, committer, assignment, topics, isLeader }: Beginning): Promise<void> {
    life.pause(assignment.partitions)
    const waitUntilMs = steadyNowMs() + LEADER_MS
    for (let retry = 0; assignment.isOpen && life.cluster !== undefined; retry++) {
      try {
        const decides = isLeader || steadyNowMs() > waitUntilMs
        if (await this.#tryToBegin(life.cluster, { life, committer, assignment, topics, isLeader: decides })) return
      } catch (error) {
        this.#log.warn('positions', { error: errorText(error) }, 'cannot find out yet where to begin to read; trying again')
        await life.cluster.refreshMetadata().catch(() => {})
      }
      await sleep(backoffMs(retry, RETRIES))
    }
  }

  async #tryToBegin(cluster: Cluster, { life, committer, assignment, topics, isLeader }: Beginning): Promise<boolean> {
    this.#present ??= presentPartitions(cluster, topics)
    const present = this.#present
    const ids = await topicIds(cluster, assignment.topics)
    const committed = await this.#committed(cluster)
    if (this.#options.offsetNewest && committed.size === 0 && present.size > 0) {
      // It takes a second until Kafka has confirmed us; before that a commit could not be fenced.
      if (isLeader && committer.membership !== undefined) await this.#commitNewest(cluster, committer, assignment, present)
      return false
    }
    const waiting = [...assignment.trackers].filter((tracker) => tracker.position === undefined)
    const bounds = await boundsOf(cluster, waiting)
    const starts = new Map<OffsetTracker, number>()
    for (const tracker of waiting) {
      const bound = bounds.get(keyOf(tracker))
      if (bound === undefined) continue
      tracker.topicId = ids?.get(tracker.topic)
      tracker.origin = ['kafka', clusterIdOf(cluster)]
      starts.set(tracker, this.#isAnew(tracker) ? bound.oldest : this.#start(tracker, committed.get(keyOf(tracker)), bound))
    }
    // What a new group has begun with must not look like a new group to a member that comes next.
    if (this.#options.offsetNewest && committed.size === 0 && starts.size > 0) {
      if (committer.membership === undefined) return false
      const offsets = [...starts].map(([{ topic, partition }, start]) => ({ topic, partitions: [{ partition, offset: String(start) }] }))
      await committer.commitStart(assignment, offsets)
    }
    if (!assignment.isOpen) return true
    for (const [tracker, start] of starts) {
      const isAnew = this.#isAnew(tracker)
      if (isAnew) reportAnew(this.#options.log, tracker)
      tracker.begin(start, isAnew ? undefined : committed.get(keyOf(tracker)))
      life.seek(tracker.topic, tracker.partition, start)
      life.resume(tracker.topic, tracker.partition)
    }
    for (const [topic, id] of ids ?? []) this.#topicIds.set(topic, id)
    return starts.size === waiting.length
  }

  /** Its topic is another than the one of that name that was read before: what was committed is about that one. */
  #isAnew({ topic, topicId }: OffsetTracker): boolean {
    const known = this.#topicIds.get(topic)
    return known !== undefined && topicId !== undefined && known !== topicId
  }

  #start({ topic, partition }: OffsetTracker, committed: number | undefined, { oldest, end }: Bounds): number {
    // Negative is what kafkajs commits where its position was out of range.
    if (committed === undefined || committed < 0) return oldest
    if (committed < oldest) {
      this.#options.skipped(topic, partition, committed, oldest)
      return oldest
    }
    if (committed > end) {
      this.#options.log.error(
        { topic, partition, committed, end },
        'the partition ends before what was committed: it was cut, or the topic was made anew. Reading it from its oldest message',
      )
      return oldest
    }
    return committed
  }

  /** What the group has committed, of all topics. */
  async #committed(cluster: Cluster): Promise<Offsets> {
    const { groupId } = this.#options
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    const { responses } = await coordinator.offsetFetch({ groupId, topics: [] })
    return byPartition(responses)
  }

  /** For the whole group in one request, so that its members cannot disagree on whether it is new. */
  async #commitNewest(cluster: Cluster, committer: Committer, assignment: Assignment, present: ReadonlySet<string>): Promise<void> {
    const topics = [...new Set([...present].map((key) => key.slice(0, key.lastIndexOf('/'))))]
    const newest = await cluster.fetchTopicsOffset(
      topics.map((topic) => ({
        topic,
        fromBeginning: false,
        partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId })),
      })),
    )
    await committer.commitStart(assignment, newest)
    this.#options.log.info({ topics: newest }, 'a new consumer group: beginning at the newest messages')
  }
}

/** To be said of each partition of a topic that was deleted and made anew. */
export function reportAnew(log: Logger, { topic, partition, position }: OffsetTracker): void {
  log.error(
    { topic, partition, position },
    'the topic was deleted and made anew: what was not read of the old one is gone. Reading the new one from its oldest message',
  )
}

function presentPartitions(cluster: Cluster, topics: readonly string[]): Set<string> {
  return new Set(topics.flatMap((topic) => cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => `${topic}/${partitionId}`)))
}

/** All in two requests where that works; else each partition for itself, and those without an answer are left out. */
async function boundsOf(cluster: Cluster, trackers: readonly OffsetTracker[]): Promise<ReadonlyMap<string, Bounds>> {
  const bulk = async (some: readonly OffsetTracker[]) => {
    const oldest = await offsetsOf(cluster, some, true)
    const ends = await offsetsOf(cluster, some, false)
    return some.flatMap((tracker): [string, Bounds][] => {
      const key = keyOf(tracker)
      const [low, end] = [oldest.get(key), ends.get(key)]
      return low === undefined || end === undefined ? [] : [[key, { oldest: low, end }]]
    })
  }
  try {
    return new Map(await bulk(trackers))
  } catch (error) {
    const each = await Promise.allSettled(trackers.map((tracker) => bulk([tracker])))
    const found = each.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (found.length === 0) throw error
    return new Map(found)
  }
}

async function offsetsOf(cluster: Cluster, trackers: readonly OffsetTracker[], fromBeginning: boolean): Promise<Offsets> {
  const byTopic = new Map<string, { partition: number }[]>()
  for (const { topic, partition } of trackers) byTopic.set(topic, [...(byTopic.get(topic) ?? []), { partition }])
  return byPartition(await cluster.fetchTopicsOffset([...byTopic].map(([topic, partitions]) => ({ topic, fromBeginning, partitions }))))
}

/** -1 is none. */
function byPartition(
  topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[],
): Offsets {
  return new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, offset }) => (offset === '-1' ? [] : [[`${topic}/${partition}`, Number(offset)] as const])),
    ),
  )
}

function keyOf({ topic, partition }: OffsetTracker): string {
  return `${topic}/${partition}`
}

/** kafkajs knows it from the metadata that every client begins with; '' of brokers that have none. */
function clusterIdOf(cluster: Cluster): string {
  const { brokerPool } = cluster as Cluster & {
    readonly brokerPool?: { readonly metadata?: { readonly clusterId?: string | null } | null }
  }
  return brokerPool?.metadata?.clusterId ?? ''
}
