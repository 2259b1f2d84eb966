import type { Cluster } from 'kafkajs'
import type { Logger } from 'pino'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import type { Assignment, Partitions } from '../../offsets/assignment.ts'
import type { Refusal } from '../refused-fetches.ts'

/** Whose partitions they are. */
export interface Stalling {
  readonly life: {
    readonly cluster: Pick<Cluster, 'findTopicPartitionMetadata' | 'refreshMetadata'> | undefined
    pause(partitions: Partitions): void
    resume(topic: string, partition: number): void
  }
  readonly assignment: Assignment
}

/** How often Kafka is asked whether a leader is back, or whether it lets a partition be read now. */
const RETRY_MS = 3000
/** What was asked for and has not been refused by then is read. */
const RECOVERED_MS = 10_000
/** A leader that moves is elected by then. */
const ELECTION_MS = 2000

/** What Kafka answers where what it has on its disk is damaged. */
const MAY_BE_DAMAGE = new Set(['CORRUPT_MESSAGE', 'INVALID_RECORD', 'UNKNOWN'])

interface Stalled {
  readonly topic: string
  readonly partition: number
  /** As of `performance.now()`. */
  readonly sinceMs: number
  isSaid: boolean
}

interface Refused extends Stalled {
  readonly assignment: Assignment
  readonly type: string
  retryMs: number
}

/**
 * Partitions of this member that cannot be read for now, each for itself while the others go on: those that have no leader, and
 * those that Kafka does not hand out. They are asked for again until it works.
 */
export class StalledPartitions {
  readonly #log: Logger
  readonly #limited: LimitedLog
  readonly #leaderless = new Map<string, Stalled>()
  readonly #refused = new Map<string, Refused>()
  #refreshedMs = 0

  constructor(log: Logger) {
    this.#log = log
    this.#limited = limitedLog(log)
  }

  /** Kafka has answered a fetch of this partition with an error that is its own. */
  refused({ life, assignment }: Stalling, topic: string, partition: number, error: Refusal['error']): void {
    const { type, retriable } = error
    const nowMs = performance.now()
    const key = `${topic}/${partition}`
    const sinceMs = this.#refused.get(key)?.sinceMs ?? nowMs
    this.#refused.set(key, { topic, partition, sinceMs, isSaid: true, assignment, type, retryMs: nowMs + RETRY_MS })
    life.pause({ [topic]: [partition] })
    if (type === 'TOPIC_AUTHORIZATION_FAILED') {
      this.#limited.error(
        `refused ${topic}`,
        { topic },
        `the account may not read the topic ${topic}: it is not read, the others are. Give it READ and DESCRIBE, or take the topic out of CFMR_KAFKA_TOPICS`,
      )
      return
    }
    const fields = { topic, partition, offset: assignment.tracker(topic, partition)?.position, error: error.message }
    const refusal = `refused ${type} ${topic}`
    if (retriable && !MAY_BE_DAMAGE.has(type))
      this.#limited.warn(refusal, fields, 'Kafka does not hand out a partition for now: it is asked for again, the others are read')
    else this.#limited.error(refusal, fields, 'Kafka refuses to hand out a partition: it is asked for again, the others are read')
  }

  /** Whether it is known why the partition is not read, and that the cause is not in what Kafka has stored. */
  explains(topic: string, partition: number): boolean {
    const key = `${topic}/${partition}`
    const refused = this.#refused.get(key)
    return this.#leaderless.has(key) || (refused !== undefined && !MAY_BE_DAMAGE.has(refused.type))
  }

  /** To be called now and then. */
  look(stalling: Stalling): void {
    const nowMs = performance.now()
    this.#retryRefused(stalling, nowMs)
    this.#lookForLeaders(stalling, nowMs)
  }

  /** Writes what is still held back of the log, at the end. */
  flush(): void {
    this.#limited.flush()
  }

  /** A sentence for each topic. */
  notReady(): readonly string[] {
    const refused = [...this.#refused.values()]
    const forbidden = new Set(refused.filter(isForbidden).map(({ topic }) => topic))
    return [
      ...this.#sentences([...this.#leaderless.values()].filter(({ isSaid }) => isSaid)).map(
        (names) => `kafka: without a leader, not read: ${names}`,
      ),
      ...this.#sentences(refused.filter((one) => !isForbidden(one))).map((names) => `kafka: not handed out by Kafka, not read: ${names}`),
      ...[...forbidden].map((topic) => `kafka: ${mayNotRead(topic)}`),
    ]
  }

  #sentences(stalled: readonly Stalled[]): readonly string[] {
    return stalled.length === 0 ? [] : [stalled.map(({ topic, partition }) => `${topic}/${partition}`).join(', ')]
  }

  #retryRefused({ life, assignment }: Stalling, nowMs: number): void {
    for (const [key, refused] of this.#refused) {
      const { topic, partition, retryMs } = refused
      if (refused.assignment !== assignment) this.#refused.delete(key)
      else if (nowMs > retryMs + RECOVERED_MS) {
        this.#refused.delete(key)
        this.#log.info({ topic, partition }, 'Kafka hands out the partition again')
      } else if (nowMs > retryMs) life.resume(topic, partition)
    }
  }

  #lookForLeaders({ life: { cluster }, assignment }: Stalling, nowMs: number): void {
    if (cluster === undefined || !assignment.isOpen) return
    const leaderless = new Set(assignment.topics.flatMap((topic) => withoutLeader(cluster, topic)))
    for (const [key, { topic, partition, isSaid }] of this.#leaderless) {
      if (leaderless.has(key) && assignment.tracker(topic, partition) !== undefined) continue
      this.#leaderless.delete(key)
      if (isSaid) this.#log.info({ topic, partition }, 'the partition has a leader again, and is read on')
    }
    for (const { topic, partition } of assignment.trackers) {
      const key = `${topic}/${partition}`
      if (!leaderless.has(key)) continue
      const stalled = this.#leaderless.get(key) ?? { topic, partition, sinceMs: nowMs, isSaid: false }
      this.#leaderless.set(key, stalled)
      if (stalled.isSaid || nowMs - stalled.sinceMs < ELECTION_MS) continue
      stalled.isSaid = true
      this.#log.warn(
        { topic, partition },
        'the partition has no leader: the brokers that have it are down. It is read on when one is back, the others are read',
      )
    }
    if (this.#leaderless.size > 0 && nowMs - this.#refreshedMs > RETRY_MS) {
      this.#refreshedMs = nowMs
      cluster.refreshMetadata().catch(() => {})
    }
  }
}

const isForbidden = ({ type }: Refused) => type === 'TOPIC_AUTHORIZATION_FAILED'

function mayNotRead(topic: string): string {
  return `the account may not read the topic ${topic}: give it READ and DESCRIBE, or take the topic out of CFMR_KAFKA_TOPICS`
}

/** Of no topic where kafkajs knows none: it has ended then. */
function withoutLeader(cluster: Pick<Cluster, 'findTopicPartitionMetadata'>, topic: string): readonly string[] {
  try {
    const partitions = cluster.findTopicPartitionMetadata(topic)
    return partitions.filter(({ leader }) => leader < 0).map(({ partitionId }) => `${topic}/${partitionId}`)
  } catch {
    return []
  }
}
