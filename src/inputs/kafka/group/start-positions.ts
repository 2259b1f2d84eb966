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
import { type Bounds, boundsOf, byPartition, keyOf, type Offsets, type TopicPartition, topicOffsets } from './partition-bounds.ts'
import { ReadTopics } from './read-topics.ts'

export interface StartPositionsOptions {
  readonly groupId: string
  /** A group that has never committed begins at the newest message. */
  readonly offsetNewest: boolean
  readonly log: Logger
  /** Kafka deleted messages from `from` to before `to` unread. */
  readonly skipped: (topic: string, partition: number, from: number, to: number) => void
}

export interface Beginning {
  readonly life: Pick<GroupLife, 'cluster' | 'pause' | 'resume' | 'seek'>
  readonly committer: Pick<Committer, 'membership' | 'commitStart'>
  readonly assignment: Assignment
  /** All that the group reads. */
  readonly topics: readonly string[]
  /** Of the group: one of its members has to say where a new group begins. */
  readonly isLeader: boolean
}

interface Start {
  readonly position: number
  /** By the group, in this topic; undefined where it has nothing. */
  readonly committed: number | undefined
  readonly bounds: Bounds
  readonly topicId: string | undefined
  /** Its topic is another than the one that was read before: what was committed is about that one. */
  readonly isAnew: boolean
}

/** How long a member waits for the leader of a new group to store where it begins. */
const LEADER_MS = 10_000
/** How long a new group waits for the leader of a partition to be elected, so that it can begin at its newest message. */
const ELECTION_MS = 5000
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
  readonly #readTopics = new ReadTopics()
  /** Partitions that were there when this process first looked; the others appeared later. */
  #present: ReadonlySet<string> | undefined

  constructor(options: StartPositionsOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
  }

  /** Resolves when all partitions are being read, or are no longer ours. One that cannot be begun holds no other. */
  async begin(beginning: Beginning): Promise<void> {
    const { life, assignment } = beginning
    life.pause(assignment.partitions)
    this.#readTopics.assigned(assignment)
    const sinceMs = steadyNowMs()
    for (let retry = 0; assignment.isOpen && life.cluster !== undefined; retry++) {
      try {
        if (await this.#tryToBegin(life.cluster, beginning, steadyNowMs() - sinceMs)) return
      } catch (error) {
        this.#log.warn('positions', { error: errorText(error) }, 'cannot find out yet where to begin to read; trying again')
        await life.cluster.refreshMetadata().catch(() => {})
      }
      await sleep(backoffMs(retry, RETRIES))
    }
  }

  async #tryToBegin(cluster: Cluster, beginning: Beginning, waitedMs: number): Promise<boolean> {
    const { committer, assignment, topics, isLeader } = beginning
    this.#present ??= new Set(partitionsOf(cluster, topics).map(keyOf))
    const ids = await topicIds(cluster, assignment.topics)
    const committed = await this.#committed(cluster)
    const isNew = this.#options.offsetNewest && committed.size === 0
    if (isNew && this.#present.size > 0) {
      const decides = isLeader || waitedMs > LEADER_MS
      // It takes a second until Kafka has confirmed us; before that a commit could not be fenced.
      if (decides && committer.membership !== undefined) await this.#commitNewest(cluster, beginning, this.#present, waitedMs > ELECTION_MS)
      return false
    }
    const waiting = [...assignment.trackers].filter((tracker) => tracker.position === undefined)
    const starts = this.#starts(waiting, await boundsOf(cluster, waiting), committed, ids)
    // What a new group has begun with must not look like a new group to a member that comes next, and what was committed of a
    // topic that is gone must not be taken for an offset in the one of that name.
    const toStore = [...starts.keys()].filter((tracker) => isNew || (starts.get(tracker)?.isAnew && committed.has(keyOf(tracker))))
    if (toStore.length > 0) {
      if (committer.membership === undefined) return false
      await committer.commitStart(
        assignment,
        topicOffsets(toStore, (tracker) => starts.get(tracker)?.position ?? 0),
      )
    }
    if (!assignment.isOpen) return true
    for (const [tracker, start] of starts) this.#beginAt(beginning, tracker, start)
    return starts.size === waiting.length
  }

  #starts(
    waiting: readonly OffsetTracker[],
    bounds: ReadonlyMap<string, Bounds>,
    committed: Offsets,
    ids: ReadonlyMap<string, string> | undefined,
  ): Map<OffsetTracker, Start> {
    const starts = new Map<OffsetTracker, Start>()
    for (const tracker of waiting) {
      const ofTracker = bounds.get(keyOf(tracker))
      if (ofTracker === undefined) continue
      const topicId = ids?.get(tracker.topic)
      const isAnew = this.#readTopics.isAnew(tracker, topicId)
      const ofGroup = isAnew ? undefined : committed.get(keyOf(tracker))
      // Negative is what kafkajs commits where its position was out of range.
      const isThere = ofGroup !== undefined && ofGroup >= ofTracker.oldest && ofGroup <= ofTracker.end
      starts.set(tracker, { position: isThere ? ofGroup : ofTracker.oldest, committed: ofGroup, bounds: ofTracker, topicId, isAnew })
    }
    return starts
  }

  #beginAt({ life }: Beginning, tracker: OffsetTracker, { position, committed, bounds, topicId, isAnew }: Start): void {
    const { topic, partition } = tracker
    if (isAnew) reportAnew(this.#options.log, tracker)
    else if (committed !== undefined && committed >= 0) this.#reportLoss(tracker, committed, bounds)
    tracker.topicId = topicId
    tracker.origin = ['kafka', clusterIdOf(life.cluster)]
    tracker.begin(position, committed)
    this.#readTopics.begun(tracker)
    life.seek(topic, partition, position)
    life.resume(topic, partition)
  }

  #reportLoss({ topic, partition }: OffsetTracker, committed: number, { oldest, end }: Bounds): void {
    if (committed < oldest) this.#options.skipped(topic, partition, committed, oldest)
    if (committed > end)
      this.#options.log.error(
        { topic, partition, committed, end },
        'the partition ends before what was committed: it was cut, or the topic was made anew. Reading it from its oldest message',
      )
  }

  /** What the group has committed, of all topics. */
  async #committed(cluster: Cluster): Promise<Offsets> {
    const { groupId } = this.#options
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    const { responses } = await coordinator.offsetFetch({ groupId, topics: [] })
    return byPartition(responses)
  }

  /** For the whole group in one request, so that its members cannot disagree on whether it is new. */
  async #commitNewest(
    cluster: Cluster,
    { committer, assignment }: Beginning,
    present: ReadonlySet<string>,
    mayLeaveOut: boolean,
  ): Promise<void> {
    const topics = new Set([...present].map((key) => key.slice(0, key.lastIndexOf('/'))))
    const partitions = partitionsOf(cluster, [...topics])
    const bounds = await boundsOf(cluster, partitions)
    const leftOut = partitions.map(keyOf).filter((key) => !bounds.has(key))
    if (leftOut.length > 0 && !mayLeaveOut) throw new Error(`Kafka does not say where the newest message is of ${leftOut.join(', ')}`)
    const newest = topicOffsets(
      partitions.filter((partition) => bounds.has(keyOf(partition))),
      (partition) => bounds.get(keyOf(partition))?.end ?? 0,
    )
    await committer.commitStart(assignment, newest)
    this.#options.log.info({ topics: newest }, 'a new consumer group: beginning at the newest messages')
    if (leftOut.length > 0)
      this.#options.log.warn(
        { partitions: leftOut },
        'a new consumer group begins without partitions that have no leader: once they have one, they are read from their oldest message',
      )
  }
}

/** To be said of each partition of a topic that was deleted and made anew. */
export function reportAnew(log: Logger, { topic, partition, position }: OffsetTracker): void {
  log.error(
    { topic, partition, position },
    'the topic was deleted and made anew: what was not read of the old one is gone. Reading the new one from its oldest message',
  )
}

function partitionsOf(cluster: Cluster, topics: readonly string[]): readonly TopicPartition[] {
  return topics.flatMap((topic) => cluster.findTopicPartitionMetadata(topic).map(({ partitionId: partition }) => ({ topic, partition })))
}

/** kafkajs knows it from the metadata that every client begins with; '' of brokers that have none. */
function clusterIdOf(cluster: Cluster | undefined): string {
  const { brokerPool } = (cluster ?? {}) as {
    readonly brokerPool?: { readonly metadata?: { readonly clusterId?: string | null } | null }
  }
  return brokerPool?.metadata?.clusterId ?? ''
}
