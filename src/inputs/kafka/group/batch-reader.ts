import type { Batch, EachBatchPayload } from 'kafkajs'
import type { Logger } from 'pino'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Assignment } from '../../offsets/assignment.ts'
import type { Bell } from '../../offsets/bell.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'
import { Portions, type UnreadablePortion } from '../portions.ts'
import type { ReadAhead } from '../read-ahead.ts'
import { RecordBatch } from '../record-batch.ts'
import type { GroupLife } from './group-life.ts'
import type { Membership } from './membership.ts'
import type { PartitionWatch } from './partition-watch.ts'

/**
 * Whoever has read all there is waits for so long before the next fetch, so that some messages gather. A message that comes
 * after a silence is not held up. At 5,000 messages a second it saves three quarters of the worker's CPU.
 */
const GATHER_MS = 25

export interface BatchReaderOptions {
  readonly life: () => Pick<GroupLife, 'seek' | 'fetchedMs'>
  readonly membership: Pick<Membership, 'assignment' | 'isReading' | 'isSure' | 'refuse'>
  readonly readAhead: ReadAhead
  readonly watch: Pick<PartitionWatch, 'sawHighWatermark' | 'sawGap' | 'lookSoon'>
  readonly log: Logger
  /** Rings when there may be room again, or nothing more to wait for. */
  readonly bell: Bell
}

/**
 * Takes what kafkajs has fetched, only if it has what comes next, and only as long as nobody else moves the position. Between
 * that check and the new position nothing is awaited, so no join can come in between.
 */
export class BatchReader {
  readonly #options: BatchReaderOptions
  /** Where a gap was seen once: what comes from there again is the truth. */
  readonly #gaps = new WeakMap<OffsetTracker, number>()
  /** Where damaged bytes were seen once: what comes from there again is what Kafka has stored. */
  readonly #damages = new WeakMap<OffsetTracker, number>()

  constructor(options: BatchReaderOptions) {
    this.#options = options
  }

  async read(payload: EachBatchPayload): Promise<void> {
    const { life, membership, watch } = this.#options
    const { batch, heartbeat, resolveOffset } = payload
    const { assignment } = membership
    const tracker = assignment.tracker(batch.topic, batch.partition)
    if (!membership.isReading(assignment) || tracker?.position === undefined) return membership.refuse(payload)
    if (!(await membership.isSure(heartbeat)) || !membership.isReading(assignment)) return void (await sleep(50))
    watch.sawHighWatermark(tracker, Number(batch.highWatermark))
    const last = batch.messages.at(-1)
    if (last === undefined) return
    const end = Number(batch.lastOffset()) + 1
    const first = firstOffset(batch)
    if (!this.#goesOn(tracker, first, end)) return void (await sleep(20))

    const portions = new Portions(batch.messages, Math.max(first, tracker.position))
    if (!(await this.#handOver(portions, assignment, tracker, end, heartbeat))) return
    tracker.skip(end)
    resolveOffset(last.offset)
    if (end >= Number(batch.highWatermark)) await sleep(life().fetchedMs + GATHER_MS - steadyNowMs())
  }

  /** Returns whether all of it was handed over. The rest comes again, from where the partition is read then. */
  async #handOver(
    portions: Portions,
    assignment: Assignment,
    tracker: OffsetTracker,
    end: number,
    heartbeat: () => Promise<void>,
  ): Promise<boolean> {
    const { membership, readAhead, bell } = this.#options
    const isStill = (position: number | undefined) => membership.isReading(assignment) && tracker.position === position
    /** Resolves to whether it is still to be read. Errors of heartbeats are kafkajs's to see: that is how it learns of a rebalance. */
    const room = async (hasRoom: () => boolean): Promise<boolean> => {
      const { position } = tracker
      while (isStill(position) && !hasRoom()) {
        await bell.wait(500)
        await heartbeat()
      }
      return isStill(position)
    }
    let openBytes = 0
    const countOpen = (bytes: number) => {
      readAhead.openBytes += bytes - openBytes
      openBytes = bytes
    }
    try {
      while (!portions.isEmpty) {
        const hasRoom = () => (portions.isClosed ? readAhead.mayOpen(assignment) : readAhead.hasRoom(assignment))
        if (!hasRoom()) {
          // The readers of all partitions may be woken by the same room: the first of them takes it.
          if (!(await room(hasRoom))) return false
          continue
        }
        if (portions.isClosed) {
          portions.open()
          countOpen(portions.openBytes)
          continue
        }
        const portion = portions.take()
        if (portion.unreadable !== undefined && !this.#isUnreadable(tracker, portion.unreadable)) return false
        readAhead.add(assignment, tracker, portions.isEmpty ? { ...portion, next: end } : portion)
        countOpen(portions.openBytes)
      }
      return await room(() => readAhead.hasRoom(assignment))
    } finally {
      countOpen(0)
      bell.ring()
    }
  }

  /** Damaged bytes are asked for again first: Kafka may have them sound. */
  #isUnreadable(tracker: OffsetTracker, { first, last, count, codec, problem, isDamaged }: UnreadablePortion): boolean {
    const { topic, partition, position = first } = tracker
    if (isDamaged && this.#damages.get(tracker) !== first) {
      this.#damages.set(tracker, first)
      this.#options.life().seek(topic, partition, position)
      return false
    }
    const fields = { topic, partition, first_offset: first, last_offset: last, messages: count, codec, error: problem }
    this.#options.log.error(
      fields,
      'a record batch cannot be read: its messages count as undecodable, and are one dead letter. Reading goes on behind it',
    )
    return true
  }

  /** Control records, aborted transactions and the like: kafkajs went on from `first` to `next` without a message. */
  skip(topic: string, partition: number, first: number, next: number): void {
    const { membership } = this.#options
    const tracker = membership.assignment.tracker(topic, partition)
    if (tracker?.position === undefined || !membership.isReading(membership.assignment)) return
    if (this.#goesOn(tracker, first, next)) tracker.skip(next)
  }

  /** Whether what comes from `first` to before `end` has what is at our position. */
  #goesOn(tracker: OffsetTracker, first: number, end: number): boolean {
    const { life, watch } = this.#options
    const { topic, partition, position = 0 } = tracker
    if (end <= position) {
      // Read before already, by the fetcher of another broker; or the partition was cut, which the watch will find.
      watch.lookSoon()
      return false
    }
    if (first <= position) return true
    // A gap: compaction, or retention; or the batch is a stale one of an earlier life. Only the latter does not come twice.
    if (this.#gaps.get(tracker) !== position) {
      this.#gaps.set(tracker, position)
      life().seek(topic, partition, position)
      return false
    }
    watch.sawGap(tracker, position, first)
    return true
  }
}

/** kafkajs tells its own batches, but not the compiler, what was asked for. */
interface Fetched extends Batch {
  readonly fetchedOffset?: string
}

/**
 * Where it begins, as far as that can be told: a record batch that was left out as aborted tells only where it ends. What a
 * record batch has before the offset asked for is not meant to be read, it may have been deleted.
 */
function firstOffset(batch: Fetched): number {
  const [first] = batch.messages
  const offset = batch.firstOffset() ?? first?.offset
  const isBatch = first instanceof RecordBatch && first.offset === offset
  return Math.max(Number(batch.fetchedOffset ?? 0), isBatch ? first.baseOffset : Number(offset))
}
