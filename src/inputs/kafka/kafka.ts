import type { Delivery, Input, InputStats, Left, PartitionedStats, PartitionStats } from '../../flow/contracts.ts'
import { withReadableAddresses } from '../../kafka/address.ts'
import { explainKafkaError } from '../../kafka/problem.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { GaveUp } from '../../lib/errors.ts'
import { limitedLog } from '../../lib/limited-log.ts'
import { sleep } from '../../lib/sleep.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { Bell } from '../offsets/bell.ts'
import { GroupSession } from './group/group-session.ts'
import { PartitionWatch } from './group/partition-watch.ts'
import { StalledPartitions } from './group/stalled-partitions.ts'
import { StartPositions } from './group/start-positions.ts'
import { isForSomebodyToMend, KafkaAdmin } from './kafka-admin.ts'
import type { KafkaInputOptions } from './kafka-input-options.ts'
import { partitionStats } from './partition-stats.ts'
import { ReadAhead } from './read-ahead.ts'
import { TopicSet } from './topic-set.ts'

const COMMIT_MS = 500
const CHECK_MS = 1000
const LOOK_MS = 15_000
/** kafkajs thinks it works, and Kafka has not heard of it for this long: a new client is made. */
const SILENT_MS = 120_000
/** From here on, or from the session time-out on, it is said. */
const QUIET_MS = 15_000
/** At its limit, and nothing settled for so long. */
const STUCK_MS = 5000
/** A topic that was deleted stops kafkajs's heartbeats for all others. */
const SUSPICIOUS_MS = 5000
/** Fetch responses of all brokers together. */
const FETCH_BYTES = 8 * 1024 * 1024
/** With 2 MB it takes a twentieth more of CPU, with 4 MB 12 MB more of memory. */
const MAX_FETCH_BYTES = 3 * 1024 * 1024
const MIN_FETCH_BYTES = 256 * 1024
/** Of the time that `close` has: for the last commit, and for leaving. */
const LEAVE_MS = 1500

/**
 * Reads topics as a member of a consumer group, and commits what has been settled: nothing is committed that was not, and
 * nothing that was is read again, through joins, leaves, moved leaders and outages. Only a member that dies, or takes longer
 * than `processingTimeoutMs`, makes others repeat.
 */
export class KafkaInput implements Input, InputStats, PartitionedStats {
  readonly name = 'kafka'
  readonly acknowledged = true
  readonly partitioned: PartitionedStats = this
  /** Lives of the consumer that ended though nobody wanted that. */
  failures = 0
  lastError: string | undefined
  readonly #options: KafkaInputOptions
  readonly #log: ReturnType<typeof limitedLog>
  readonly #admin: KafkaAdmin
  readonly #topicSet: TopicSet
  readonly #filled = new Bell()
  readonly #bell = new Bell()
  readonly #readAhead: ReadAhead
  readonly #watch: PartitionWatch
  readonly #stalled: StalledPartitions
  readonly #startPositions: StartPositions
  /** Aborted at the end, whatever it is. */
  readonly #over = new AbortController()
  #session: GroupSession | undefined
  #missing: readonly string[] = []
  #hasStarted = false
  /** Since when the group has taken this instance no more. */
  #refusedSinceMs: number | undefined
  #failure: Error | undefined
  #isStopping = false
  /** When reading was last seen to have room, or something to be settled. */
  #movingMs = steadyNowMs()
  #settledCount = 0

  constructor(options: KafkaInputOptions) {
    const { maxInFlight, maxInFlightBytes, keptBytes, topics, deadLetterTopic, groupId, offsetNewest, log } = options
    this.#options = options
    this.#log = limitedLog(log)
    this.#admin = new KafkaAdmin(options.kafka)
    this.#topicSet = new TopicSet({ entries: topics, deadLetterTopic })
    this.#readAhead = new ReadAhead({ maxInFlight, maxInFlightBytes, keptBytes, filled: this.#filled, emptied: this.#bell })
    this.#watch = new PartitionWatch({ admin: this.#admin, log })
    this.#stalled = new StalledPartitions(log)
    this.#startPositions = new StartPositions({ groupId, offsetNewest, log, skipped: (...gap) => this.#watch.reportSkipped(...gap) })
  }

  freed(): void {
    this.#bell.ring()
  }

  async *read(stop: AbortSignal): AsyncGenerator<Delivery> {
    stop.addEventListener('abort', () => this.#stopReading(), { once: true })
    if (!stop.aborted && !this.#hasStarted) this.#start()
    while (!stop.aborted && !this.#over.signal.aborted) {
      const delivery = this.#readAhead.take()
      if (delivery === undefined) {
        this.#session?.membership.ranDry()
        await this.#filled.wait(1000)
      } else yield delivery
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async close(deadlineMs: number): Promise<readonly Left[]> {
    const session = this.#session
    const left = await session?.leave({ drainUntilMs: deadlineMs - LEAVE_MS, leaveUntilMs: deadlineMs })
    this.#end()
    return [{ of: 'envelopes', count: left ?? 0, isReadAgain: true }]
  }

  get inFlight(): number {
    return this.#session?.membership.assignment.inFlight ?? 0
  }

  get skipped(): number {
    return this.#watch.skipped
  }

  get gaps(): number {
    return this.#watch.gaps
  }

  get isPaused(): boolean {
    const assignment = this.#session?.membership.assignment
    return steadyNowMs() - this.#movingMs > STUCK_MS && assignment !== undefined && !this.#readAhead.hasRoom(assignment)
  }

  partitions(): readonly PartitionStats[] {
    const nowMs = steadyNowMs()
    const assignment = this.#session?.membership.assignment
    if (!assignment?.isOpen) return []
    return [...assignment.trackers].map((tracker) => partitionStats(tracker, this.#watch.highWatermark(tracker), nowMs))
  }

  notReady(): readonly string[] {
    const { groupId, kafka, sessionTimeoutMs } = this.#options
    const membership = this.#session?.membership
    const reasons = this.#missing.map((topic) => `kafka: the topic ${topic} does not exist`)
    const quietMs = steadyNowMs() - (membership?.confirmedMs ?? 0)
    if (membership?.hasJoined !== true)
      reasons.push(`kafka: has not joined the group ${groupId} yet (brokers ${withReadableAddresses(String(kafka.brokers))})`)
    else if (quietMs > Math.min(QUIET_MS, sessionTimeoutMs))
      reasons.push(`kafka: no sign of life from the group ${groupId} for ${Math.round(quietMs / 1000)} s`)
    reasons.push(...this.#watch.notReady())
    reasons.push(...this.#stalled.notReady())
    if (this.isPaused) reasons.push(this.#whyPaused())
    return reasons
  }

  #start(): void {
    this.#hasStarted = true
    this.#admin.answeredMs = steadyNowMs()
    void this.#live()
    void this.#every(COMMIT_MS, async () => this.#session?.commit())
    void this.#every(CHECK_MS, async () => this.#check())
    void this.#every(this.#options.topicRefreshMs, () => this.#refreshTopics())
    void this.#lookNowAndThen()
  }

  /** One session after the other, until the end. */
  async #live(): Promise<void> {
    for (let failures = 0; !this.#over.signal.aborted && !this.#isStopping; ) {
      const startedMs = steadyNowMs()
      try {
        await this.#openSession()
        failures = 0
      } catch (error) {
        if (this.#over.signal.aborted) return
        const { message, kind } = explainKafkaError(error)
        this.failures++
        this.lastError = message
        if (isForSomebodyToMend(error)) return this.#fail(message, error)
        failures = steadyNowMs() - startedMs > 60_000 ? 1 : failures + 1
        if (kind === 'group') {
          this.#refusedSinceMs ??= startedMs
          // A refusal is an answer.
          this.#admin.answeredMs = steadyNowMs()
          this.#log.error('group', { error: message }, 'The group does not take this instance; asking again, nothing is lost')
          if (steadyNowMs() - this.#refusedSinceMs > this.#options.giveUpMs) return this.#fail(message, error)
        } else this.#log.warn('session', { error: message }, 'Kafka is lost or cannot be reached; trying again, nothing is lost')
        const retryMs = backoffMs(failures - 1, { initialMs: 250, maxMs: 10_000, jitter: 0.2 })
        await sleep(Math.min(retryMs, this.#options.giveUpMs / 2), this.#over.signal)
      }
    }
  }

  async #openSession(): Promise<void> {
    await this.#admin.probe()
    const topics = await this.#findTopics()
    const { brokers } = await this.#admin.ask((admin) => admin.describeCluster())
    if (this.#over.signal.aborted || this.#isStopping) return
    this.#session = new GroupSession({
      ...this.#options,
      topics,
      metadataMaxAgeMs: Math.min(this.#options.topicRefreshMs, 60_000),
      maxFetchBytes: Math.max(MIN_FETCH_BYTES, Math.min(MAX_FETCH_BYTES, Math.floor(FETCH_BYTES / Math.max(1, brokers.length)))),
      readAhead: this.#readAhead,
      startPositions: this.#startPositions,
      watch: this.#watch,
      stalled: this.#stalled,
      bell: this.#bell,
    })
    await this.#session.run()
  }

  /** Those that exist now. */
  async #findTopics(): Promise<readonly string[]> {
    const { topics, missing } = this.#topicSet.match(await this.#admin.ask((admin) => admin.listTopics()))
    for (const topic of missing) {
      if (this.#missing.includes(topic)) continue
      this.#options.log.warn({ topic }, 'the topic does not exist; it is read from its oldest message once it does')
    }
    this.#missing = missing
    return topics
  }

  /** Topics came or went: kafkajs can only take that in by joining anew. */
  async #refreshTopics(): Promise<void> {
    const session = this.#session
    if (session === undefined || session.membership.isLeaving) return
    const topics = await this.#findTopics()
    if (session !== this.#session || session.membership.isLeaving || topics.join() === session.topics.join()) return
    this.#options.log.info({ before: session.topics, now: topics }, 'the topics to read have changed; joining the group again')
    const drainUntilMs = steadyNowMs() + this.#options.processingTimeoutMs
    await session.leave({ drainUntilMs, leaveUntilMs: drainUntilMs + 5000 })
  }

  async #lookNowAndThen(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#watch.wait(LOOK_MS, 1000)
      await this.#session?.look()
    }
  }

  #check(): void {
    const { giveUpMs, kafka } = this.#options
    const session = this.#session
    const nowMs = steadyNowMs()
    const confirmedMs = session?.membership.confirmedMs ?? 0
    const silentMs = nowMs - Math.max(confirmedMs, this.#admin.answeredMs)
    if (silentMs > giveUpMs) {
      const silentS = Math.round(silentMs / 1000)
      this.#fail(
        `Kafka (${withReadableAddresses(String(kafka.brokers))}) has not answered for ${silentS} s, longer than CFMR_KAFKA_GIVEUP allows`,
      )
    }
    if (session === undefined) return
    if (session.membership.isJoined) this.#refusedSinceMs = undefined
    session.lookForStalled()
    const quietMs = nowMs - confirmedMs
    if (quietMs > Math.max(SILENT_MS, session.rebalanceTimeoutMs + 30_000)) {
      session.end(new Error(`the group has given no sign of life for ${Math.round(quietMs / 1000)} s`))
    } else if (quietMs > SUSPICIOUS_MS && session.membership.isJoined) {
      void this.#refreshTopics().catch(() => {})
    }
    const { assignment } = session.membership
    if (this.#readAhead.hasRoom(assignment) || assignment.settledCount !== this.#settledCount) this.#movingMs = nowMs
    else if (nowMs - this.#movingMs > STUCK_MS) this.#log.warn('paused', {}, this.#whyPaused())
    this.#settledCount = assignment.settledCount
  }

  #whyPaused(): string {
    const { maxInFlight, maxInFlightBytes } = this.#options
    const { inFlight = 0, inFlightBytes = 0 } = this.#session?.membership.assignment ?? {}
    const limits = `the limits are ${maxInFlight} and ${maxInFlightBytes}`
    return `kafka: reading is paused, ${inFlight} messages (${Math.round(inFlightBytes)} bytes) are neither written nor discarded; ${limits}`
  }

  #stopReading(): void {
    this.#isStopping = true
    this.#filled.ring()
    const membership = this.#session?.membership
    if (membership === undefined) return
    membership.isLeaving = true
    void membership.drain(steadyNowMs() + this.#options.processingTimeoutMs)
  }

  #fail(message: string, cause?: unknown): void {
    this.#failure ??= new GaveUp(`${message}. Nothing is lost: the next start reads on from what was committed`, { cause })
    this.#session?.end()
    this.#end()
  }

  #end(): void {
    this.#over.abort()
    this.#admin.close()
    this.#filled.ring()
    this.#watch.lookSoon()
    this.#log.flush()
    this.#stalled.flush()
  }

  async #every(ms: number, task: () => Promise<void>): Promise<void> {
    while (!this.#over.signal.aborted) {
      await sleep(ms, this.#over.signal)
      if (this.#over.signal.aborted) return
      await task().catch((error) => this.#log.warn('task', { error: errorText(error) }, 'Kafka does not answer a question; asking again'))
    }
  }
}
