import type { Cluster } from 'kafkajs'
import type { Logger } from 'pino'
import { errorText } from '../../../lib/error-text.ts'
import { limitedLog } from '../../../lib/limited-log.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Assignment } from '../../offsets/assignment.ts'
import { Bell } from '../../offsets/bell.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'
import type { KafkaAdmin } from '../kafka-admin.ts'
import { topicIds } from '../topic-ids.ts'
import type { GroupLife } from './group-life.ts'
import { reportAnew } from './start-positions.ts'
import { StuckPartitions } from './stuck-partitions.ts'

export interface PartitionWatchOptions {
  readonly admin: Pick<KafkaAdmin, 'ask'>
  readonly log: Logger
}

/** What is looked at. */
export interface Watched {
  readonly life: Pick<GroupLife, 'cluster' | 'seek'>
  readonly assignment: Assignment
  /** Whether there is no known reason for nothing to come of a partition: no room, no leader, no permission. */
  readonly shouldCome: (topic: string, partition: number) => boolean
}

const READ_UNCOMMITTED = 0

/** The new leader of a partition may for a moment know less than the old one had said: only after this is it believed. */
const CUT_MS = 5000

/** A transaction that is open for longer is said: mostly its producer has died, and the broker ends it in a quarter of an hour. */
const OPEN_TRANSACTION_MS = 60_000

/** Behind `from` nothing is read before a transaction ends. */
interface HeldBack {
  readonly from: number
  readonly sinceMs: number
  readonly messages: number
}

/** Where a partition stands, and since when. */
interface Look {
  readonly position: number
  readonly sinceMs: number
}

interface Gap {
  readonly from: number
  readonly to: number
}

/**
 * Looks at the partitions from outside, now and then: how far they reach (for the lag), what Kafka has deleted of them, and
 * whether one of them was cut.
 */
export class PartitionWatch {
  readonly #options: PartitionWatchOptions
  readonly #log: ReturnType<typeof limitedLog>
  readonly #highWatermarks = new Map<string, number>()
  readonly #heldBack = new Map<string, HeldBack>()
  readonly #stuck: StuckPartitions
  #looks = new WeakMap<OffsetTracker, Look>()
  #gaps = new WeakMap<OffsetTracker, Gap[]>()
  readonly #asked = new Bell()
  #isAsked = false
  /** Messages that Kafka deleted before they could be read. */
  skipped = 0
  /** Offsets that no message came for, though Kafka has not deleted them: compaction explains them, and nothing else should. */
  gaps = 0

  constructor(options: PartitionWatchOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
    this.#stuck = new StuckPartitions(options.log)
  }

  highWatermark({ topic, partition }: OffsetTracker): number | undefined {
    return this.#highWatermarks.get(`${topic}/${partition}`)
  }

  /** Partitions of which nothing comes, or that an open transaction has held back for more than a minute, a sentence each. */
  notReady(): readonly string[] {
    const heldBack = [...this.#heldBack]
      .filter(([, { sinceMs }]) => performance.now() - sinceMs > OPEN_TRANSACTION_MS)
      .map(
        ([partition, { from, messages }]) =>
          `kafka: an open transaction holds back ${messages} messages of ${partition}, from offset ${from} on`,
      )
    return [...this.#stuck.notReady(), ...heldBack]
  }

  sawHighWatermark({ topic, partition }: OffsetTracker, highWatermark: number): void {
    this.#highWatermarks.set(`${topic}/${partition}`, highWatermark)
  }

  /** Messages `from` to before `to` did not come. If Kafka deleted them, the next look counts them. */
  sawGap(tracker: OffsetTracker, from: number, to: number): void {
    const gaps = this.#gaps.get(tracker) ?? []
    if (gaps.length < 1000) gaps.push({ from, to })
    this.#gaps.set(tracker, gaps)
    this.lookSoon()
  }

  /** Resolves when it is time for the next look: after `ms`, or when somebody has asked for it, but not before `soonestMs`. */
  async wait(ms: number, soonestMs: number): Promise<void> {
    await sleep(soonestMs)
    if (!this.#isAsked) await this.#asked.wait(ms - soonestMs)
    this.#isAsked = false
  }

  lookSoon(): void {
    this.#isAsked = true
    this.#asked.ring()
  }

  async look(session: Watched): Promise<void> {
    const { assignment, life } = session
    const ids = life.cluster === undefined ? undefined : await topicIds(life.cluster, assignment.topics).catch(() => undefined)
    for (const partition of this.#heldBack.keys()) if (!isAssigned(assignment, partition)) this.#heldBack.delete(partition)
    this.#stuck.keepOnly((partition) => isAssigned(assignment, partition))
    for (const topic of assignment.topics) {
      const ends = await this.#ends(life, topic, assignment)
      const before = new Map([...assignment.trackers].map((tracker) => [tracker, tracker.position]))
      for (const { partition, high, low } of await this.#offsets(topic)) {
        const tracker = assignment.tracker(topic, partition)
        if (!assignment.isOpen) return
        if (tracker === undefined) continue
        const id = ids?.get(topic)
        if (tracker.topicId !== undefined && id !== undefined && tracker.topicId !== id) {
          this.#readAnew(session, tracker, id, Number(low))
          continue
        }
        const position = before.get(tracker)
        const isCut = position !== undefined && position > Number(high)
        // `high` stops before an open transaction, and is asked for after the end.
        const end = Math.max(ends.get(partition) ?? 0, Number(high))
        this.sawHighWatermark(tracker, isCut ? Number(high) : Math.max(end, this.highWatermark(tracker) ?? 0))
        this.#judgeTransaction(tracker, Number(high), end)
        if (position !== undefined) this.#judge(session, tracker, position, Number(low), Number(high))
      }
    }
  }

  /** What an open transaction hides. */
  async #ends(life: Watched['life'], topic: string, assignment: Assignment): Promise<ReadonlyMap<number, number>> {
    if (life.cluster === undefined) return new Map()
    const partitions = [...assignment.trackers].filter((tracker) => tracker.topic === topic).map(({ partition }) => ({ partition }))
    const readsUncommitted: Cluster = Object.create(life.cluster, { isolationLevel: { value: READ_UNCOMMITTED } })
    try {
      const [answer] = await readsUncommitted.fetchTopicsOffset([{ topic, fromBeginning: false, partitions }])
      return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    } catch {
      return new Map()
    }
  }

  #judgeTransaction({ topic, partition }: OffsetTracker, stable: number, end: number): void {
    const key = `${topic}/${partition}`
    if (end <= stable) {
      this.#heldBack.delete(key)
      return
    }
    const before = this.#heldBack.get(key)
    const sinceMs = before?.from === stable ? before.sinceMs : performance.now()
    this.#heldBack.set(key, { from: stable, sinceMs, messages: end - stable })
    if (performance.now() - sinceMs <= OPEN_TRANSACTION_MS) return
    this.#log.warn(
      `transaction ${key}`,
      { topic, partition, from: stable, messages: end - stable },
      'an open transaction holds back what is behind it: it is read once the transaction ends, nothing is lost',
    )
  }

  async #offsets(topic: string): Promise<readonly { readonly partition: number; readonly high: string; readonly low: string }[]> {
    try {
      return await this.#options.admin.ask((admin) => admin.fetchTopicOffsets(topic))
    } catch (error) {
      this.#log.warn(
        `offsets ${topic}`,
        { topic, error: errorText(error) },
        'Kafka does not say how far the topic reaches; its lag is not known',
      )
      return []
    }
  }

  #judge(session: Watched, tracker: OffsetTracker, position: number, low: number, high: number): void {
    const { topic, partition } = tracker
    for (const { from, to } of this.#gaps.get(tracker) ?? []) {
      if (low > from) this.reportSkipped(topic, partition, from, Math.min(low, to))
      if (to > low) this.#reportGap(topic, partition, Math.max(from, low), to)
    }
    this.#gaps.delete(tracker)
    const last = this.#looks.get(tracker)
    const sinceMs = last?.position === position ? last.sinceMs : steadyNowMs()
    this.#looks.set(tracker, { position, sinceMs })
    if (tracker.position !== position) return

    if (position < low) {
      this.reportSkipped(topic, partition, position, low)
      moveTo(low, session, tracker)
    } else if (position > high) {
      if (steadyNowMs() - sinceMs > CUT_MS) this.#startAnew(session, tracker, low, high)
    } else if (session.shouldCome(topic, partition)) {
      const seek = (offset: number) => session.life.seek(topic, partition, offset)
      if (this.#stuck.judge(tracker, { position, low, high }, seek)) this.lookSoon()
    } else this.#stuck.forget(tracker)
  }

  /** Also where the new topic has grown past the position in the old one: what is there is another message. */
  #readAnew({ life, assignment }: Watched, tracker: OffsetTracker, topicId: string, low: number): void {
    reportAnew(this.#options.log, tracker)
    const renewed = assignment.renewTracker(tracker)
    renewed.topicId = topicId
    renewed.begin(low, undefined)
    life.seek(tracker.topic, tracker.partition, low)
  }

  #startAnew({ life, assignment }: Watched, tracker: OffsetTracker, low: number, high: number): void {
    const { topic, partition, position } = tracker
    this.#options.log.error(
      { topic, partition, position, end: high },
      'the partition was cut: messages that were read are gone from Kafka. Reading it from its oldest message',
    )
    const renewed = assignment.renewTracker(tracker)
    renewed.topicId = tracker.topicId
    renewed.begin(low, undefined)
    life.seek(topic, partition, low)
  }

  #reportGap(topic: string, partition: number, from: number, to: number): void {
    this.gaps += to - from
    this.#log.warn(
      `gap ${topic}/${partition}`,
      { topic, partition, from, to },
      'Kafka has no messages at these offsets, asked twice. In a compacted topic that is how it should be; in another they are lost in Kafka',
    )
  }

  reportSkipped(topic: string, partition: number, from: number, to: number): void {
    this.skipped += to - from
    this.#options.log.error(
      { topic, partition, from, to, messages: to - from },
      'Kafka deleted messages before they could be read: retention is shorter than the lag was. Going on at the oldest',
    )
  }
}

function isAssigned(assignment: Assignment, key: string): boolean {
  for (const { topic, partition } of assignment.trackers) if (`${topic}/${partition}` === key) return true
  return false
}

/** There is nothing to read before `next`. */
function moveTo(next: number, { life }: Watched, tracker: OffsetTracker): void {
  tracker.skip(next)
  life.seek(tracker.topic, tracker.partition, next)
}
