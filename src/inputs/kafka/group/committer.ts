import type { Cluster } from 'kafkajs'
import type { Logger } from 'pino'
import { errorText } from '../../../lib/error-text.ts'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import type { Assignment } from '../../offsets/assignment.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'
import type { GroupLife, GroupMembership } from './group-life.ts'

export interface CommitterOptions {
  readonly groupId: string
  readonly life: () => Pick<GroupLife, 'cluster' | 'commitOffsets'>
  readonly log: Logger
}

/** `stored`: Kafka has it all. `fenced`: it belongs to others by now and can never be stored. `failed`: to be tried again. */
export type CommitOutcome = 'stored' | 'fenced' | 'failed'

interface Commit {
  readonly tracker: OffsetTracker
  readonly offset: number
}

type TopicOffsets = Parameters<Awaited<ReturnType<Cluster['findGroupCoordinator']>>['offsetCommit']>[0]['topics']

const FENCED = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])
const NO_SUCH_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION'

/**
 * Passes on to Kafka what trackers say may be committed, one request at a time: two at once could change places when a
 * connection breaks. Each goes to the coordinator as it is now (kafkajs's own commit sticks to a dead one until the next join),
 * with the generation that was current when the offsets were collected: Kafka refuses it if that has passed.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #log: LimitedLog
  #underWay: Promise<unknown> | undefined
  /** What Kafka has last confirmed of this assignment; undefined before that. */
  membership: GroupMembership | undefined

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined
  }

  /** Commits all that may be, after a request that is under way. */
  commit(assignment: Assignment): Promise<CommitOutcome> {
    return this.#afterOthers(() => this.#commitReady(assignment))
  }

  /** Stores where partitions begin, before anything of them has been read. Rejects where that did not work. */
  commitStart(assignment: Assignment, topics: TopicOffsets): Promise<void> {
    return this.#afterOthers(async () => {
      if (assignment.isOpen) await this.#send(topics)
    })
  }

  async #afterOthers<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    while (this.#underWay !== undefined) await this.#underWay
    const answer = request().finally(() => {
      this.#underWay = undefined
    })
    this.#underWay = answer.catch(() => {})
    return answer
  }

  async #commitReady(assignment: Assignment): Promise<CommitOutcome> {
    if (!assignment.isOpen) return 'fenced'
    const commits = [...assignment.trackers].flatMap((tracker) => {
      const offset = tracker.uncommitted
      return offset === undefined ? [] : [{ tracker, offset }]
    })
    if (commits.length === 0) return 'stored'
    const outcome = await this.#store(commits)
    if (outcome !== NO_SUCH_TOPIC) return outcome
    return this.#storeByTopic(assignment, commits)
  }

  async #store(commits: readonly Commit[]): Promise<CommitOutcome | typeof NO_SUCH_TOPIC> {
    try {
      await this.#send(topicOffsets(commits))
    } catch (error) {
      const type = (error as { readonly type?: string }).type ?? ''
      if (type === NO_SUCH_TOPIC) return NO_SUCH_TOPIC
      const text = errorText(error)
      if (FENCED.has(type)) {
        this.#options.log.debug({ error: text }, 'commit refused: the group has gone on without this member')
        return 'fenced'
      }
      this.#log.warn('commit', { error: text }, 'Kafka did not take a commit; it is tried again, nothing is lost')
      return 'failed'
    }
    for (const { tracker, offset } of commits) tracker.committed = offset
    return 'stored'
  }

  /** One deleted topic makes Kafka refuse it and take the rest, without saying which: each topic speaks for itself then. */
  async #storeByTopic(assignment: Assignment, commits: readonly Commit[]): Promise<CommitOutcome> {
    for (const [topic, ofTopic] of byTopic(commits)) {
      // The generation of the next assignment would let it pass.
      if (!assignment.isOpen) return 'fenced'
      const outcome = await this.#store(ofTopic)
      if (outcome === NO_SUCH_TOPIC) {
        this.#log.warn(`deleted ${topic}`, { topic }, 'the topic has been deleted: there is nothing to commit for it')
        for (const { tracker, offset } of ofTopic) tracker.committed = offset
      } else if (outcome !== 'stored') return outcome
    }
    return 'stored'
  }

  async #send(topics: TopicOffsets): Promise<void> {
    const { membership } = this
    const life = this.#options.life()
    if (membership !== undefined && life.cluster !== undefined) {
      const { groupId } = this.#options
      const coordinator = await life.cluster.findGroupCoordinator({ groupId })
      await coordinator.offsetCommit({ groupId, groupGenerationId: membership.generation, memberId: membership.memberId, topics })
      return
    }
    // Right after a join, before the first heartbeat has told us the generation.
    if (life.commitOffsets === undefined) throw new Error('Kafka has not confirmed this member yet')
    await life.commitOffsets({ topics })
  }
}

function byTopic(commits: readonly Commit[]): Map<string, Commit[]> {
  const topics = new Map<string, Commit[]>()
  for (const commit of commits) {
    const others = topics.get(commit.tracker.topic)
    if (others === undefined) topics.set(commit.tracker.topic, [commit])
    else others.push(commit)
  }
  return topics
}

function topicOffsets(commits: readonly Commit[]): TopicOffsets {
  return [...byTopic(commits)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ tracker, offset }) => ({ partition: tracker.partition, offset: String(offset) })),
  }))
}
