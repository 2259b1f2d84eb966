import type { KafkaConfig } from 'kafkajs'
import type { Logger } from 'pino'
import type { Ledger } from '../../../flow/ledger.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { within } from '../../../lib/within.ts'
import type { Bell } from '../../offsets/bell.ts'
import type { ReadAhead } from '../read-ahead.ts'
import { BatchReader } from './batch-reader.ts'
import { Committer } from './committer.ts'
import { GroupLife } from './group-life.ts'
import { Membership } from './membership.ts'
import type { PartitionWatch } from './partition-watch.ts'
import type { StalledPartitions } from './stalled-partitions.ts'
import type { StartPositions } from './start-positions.ts'

export interface GroupSessionOptions {
  readonly kafka: KafkaConfig
  readonly groupId: string
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly processingTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly maxFetchBytes: number
  readonly ledger: Ledger
  readonly log: Logger
  readonly readAhead: ReadAhead
  readonly startPositions: StartPositions
  readonly watch: PartitionWatch
  readonly stalled: StalledPartitions
  readonly bell: Bell
  readonly flushNow: () => void
}

export interface LeaveTimes {
  /** As of `steadyNowMs()`. */
  readonly drainUntilMs: number
  readonly leaveUntilMs: number
}

/** For a life that ended by itself to close its connections. */
const LEAVE_MS = 10_000
/** What the group waits for members that drain, beyond the time they are given. */
const REBALANCE_MARGIN_MS = 20_000
const REBALANCE_MIN_MS = 60_000

/** Everything that lives as long as one kafkajs consumer, put together: who belongs to an older one has nothing to say any more. */
export class GroupSession {
  readonly topics: readonly string[]
  readonly membership: Membership
  readonly rebalanceTimeoutMs: number
  readonly #life: GroupLife
  readonly #committer: Committer
  readonly #watch: PartitionWatch
  readonly #stalled: StalledPartitions
  readonly #readAhead: ReadAhead
  #leaving: Promise<void> | undefined
  #leaveUntilMs = Number.POSITIVE_INFINITY
  /** Messages that will be read again. */
  #left = 0

  constructor(options: GroupSessionOptions) {
    const { groupId, topics, log, ledger, readAhead, startPositions, watch, bell, flushNow, processingTimeoutMs } = options
    this.topics = topics
    this.rebalanceTimeoutMs = Math.max(REBALANCE_MIN_MS, processingTimeoutMs + REBALANCE_MARGIN_MS)
    this.#watch = watch
    this.#stalled = options.stalled
    this.#readAhead = readAhead
    const life = () => this.#life
    const committer = new Committer({ groupId, life, log })
    this.#committer = committer
    this.membership = new Membership({
      life,
      committer,
      readAhead,
      ledger,
      log,
      bell,
      processingTimeoutMs,
      sessionTimeoutMs: options.sessionTimeoutMs,
      flushNow,
      assigned: (assignment, isLeader) =>
        void startPositions.begin({ life: this.#life, committer, assignment, topics, isLeader }).then(() => watch.lookSoon()),
    })
    const { membership } = this
    const reader = new BatchReader({ life, membership, readAhead, watch, log, bell })
    this.#life = new GroupLife({
      kafka: options.kafka,
      groupId,
      sessionTimeoutMs: options.sessionTimeoutMs,
      rebalanceTimeoutMs: this.rebalanceTimeoutMs,
      metadataMaxAgeMs: options.metadataMaxAgeMs,
      maxFetchBytes: options.maxFetchBytes,
      beforeJoin: () => membership.beforeJoin(),
      joined: (partitions, isLeader) => membership.joined(partitions, isLeader),
      confirmed: (confirmation) => membership.confirmed(confirmation),
      batch: (batch) => reader.read(batch),
      outOfRange: () => watch.lookSoon(),
      skipped: (topic, partition, first, next) => reader.skip(topic, partition, first, next),
      refused: (...refusal) => this.#stalled.refused(this.#watched, ...refusal),
    })
  }

  get #watched() {
    const { assignment } = this.membership
    const shouldCome = (topic: string, partition: number) =>
      this.#readAhead.hasRoom(assignment) && !this.#stalled.explains(topic, partition)
    return { life: this.#life, assignment, shouldCome }
  }

  /** Until it is ended, or has left; rejects with what it died of. */
  async run(): Promise<void> {
    try {
      await this.#life.run(this.topics)
      await this.#leaving
    } finally {
      this.membership.endAssignment()
      if (this.#leaving === undefined) void this.#life.leave(steadyNowMs() + LEAVE_MS)
    }
  }

  end(reason?: Error): void {
    this.#life.end(reason)
  }

  /** Commits what is ready; skipped while an earlier commit is under way, so that an outage does not pile them up. */
  commit(): void {
    if (!this.#committer.isBusy) void this.#committer.commit(this.membership.assignment)
  }

  async look(): Promise<void> {
    await this.#watch.look(this.#watched)
  }

  /** Looks for partitions that cannot be read, and for those that can be again. */
  lookForStalled(): void {
    this.#stalled.look(this.#watched)
  }

  /** Stops reading, waits for what is in flight, commits and leaves. Resolves to the number of messages that will be read again. */
  async leave({ drainUntilMs, leaveUntilMs }: LeaveTimes): Promise<number> {
    const { membership } = this
    membership.isLeaving = true
    this.#leaveUntilMs = Math.min(this.#leaveUntilMs, leaveUntilMs)
    // It may be leaving for a reason that has more time, such as topics that have changed: the earliest end counts.
    if (this.#leaving !== undefined) void membership.drain(drainUntilMs)
    this.#leaving ??= this.#leave(drainUntilMs)
    await within(this.#leaving, leaveUntilMs - steadyNowMs())
    return this.#left
  }

  async #leave(drainUntilMs: number): Promise<void> {
    await this.membership.drain(drainUntilMs)
    this.#left = this.membership.endAssignment()
    await this.#life.leave(this.#leaveUntilMs)
  }
}
