import type { Batch, EachBatchPayload } from 'kafkajs'
import type { Logger } from 'pino'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Assignment } from '../../offsets/assignment.ts'
import type { Bell } from '../../offsets/bell.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'
import { placeBatches } from '../placed-batches.ts'
import { Portions } from '../portions.ts'
import type { ReadAhead } from '../read-ahead.ts'
import { RecordBatch } from '../record-batch.ts'
import type { Fetched } from '../record-set.ts'
import type { UnreadablePortion } from '../unreadable-portion.ts'
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
  /** What was asked for was seen to be in the middle of a batch. */
  readonly #middles = new WeakMap<OffsetTracker, number>()
  /** Where the last batch begins that was asked for by just that offset, or came behind another one. */
  readonly #beginnings = new WeakMap<OffsetTracker, number>()

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
    const highWatermark = Number(batch.highWatermark)
    watch.sawHighWatermark(tracker, highWatermark)
    const { fetchedOffset, rawMessages } = batch as FetchedBatch
    if (rawMessages.length === 0) return
    const from = Number(fetchedOffset)
    if (this.#beginsEarlier(tracker, rawMessages[0], from)) return
    const { placed, first, end } = placeBatches(rawMessages, { from, highWatermark, certain: this.#beginnings.get(tracker) })
    const last = placed.at(-1)
    if (last instanceof RecordBatch && (placed.length > 1 || last.baseOffset === from)) this.#beginnings.set(tracker, last.baseOffset)
    if (!this.#goesOn(tracker, first, end)) {
      if (end > from && end <= tracker.position) this.#goOnFrom(tracker, from, end, resolveOffset)
      return void (await sleep(20))
    }

    const portions = new Portions(placed, Math.max(first, tracker.position))
    if (!(await this.#handOver(portions, assignment, tracker, { from, end, heartbeat }))) return
    tracker.skip(end)
    resolveOffset(String(end - 1))
    if (end >= highWatermark) await sleep(life().fetchedMs + GATHER_MS - steadyNowMs())
  }

  /** Returns whether all of it was handed over. The rest comes again, from where the partition is read then. */
  async #handOver(
    portions: Portions,
    assignment: Assignment,
    tracker: OffsetTracker,
    { from, end, heartbeat }: { readonly from: number; readonly end: number; readonly heartbeat: () => Promise<void> },
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
        if (portion.unreadable !== undefined && !this.#isUnreadable(tracker, portion.unreadable, from)) return false
        readAhead.add(assignment, tracker, portions.isEmpty ? { ...portion, next: end } : portion)
        countOpen(portions.openBytes)
      }
      return await room(() => readAhead.hasRoom(assignment))
    } finally {
      countOpen(0)
      bell.ring()
    }
  }

  /**
   * Damaged bytes are asked for again first: Kafka may have them sound. That is done from where they were asked for, since Kafka
   * itself finds no way past damage on its disk, but hands it out together with what is before and behind it.
   */
  #isUnreadable(tracker: OffsetTracker, { first, last, count, codec, problem, isDamaged }: UnreadablePortion, from: number): boolean {
    const { topic, partition } = tracker
    if (isDamaged && this.#damages.get(tracker) !== first) {
      this.#damages.set(tracker, first)
      this.#options.life().seek(topic, partition, from)
      return false
    }
    const fields = { topic, partition, first_offset: first, last_offset: last, messages: count, codec, error: problem }
    this.#options.log.error(
      fields,
      'a record batch cannot be read: its messages count as undecodable, and are one dead letter. Reading goes on behind it',
    )
    return true
  }

  /**
   * All that came has been read already. Where it was asked for from before the position, because of damage in between, the next
   * answer is to bring the last of it once more: what is behind comes along.
   */
  #goOnFrom({ topic, partition }: OffsetTracker, from: number, end: number, resolveOffset: (offset: string) => void): void {
    if (from < end - 1) this.#options.life().seek(topic, partition, end - 1)
    else resolveOffset(String(end - 1))
  }

  /** Reading may begin in the middle of a batch, but what says so is covered by no checksum: it is asked for again. */
  #beginsEarlier(tracker: OffsetTracker, batch: Fetched | undefined, from: number): boolean {
    if (!(batch instanceof RecordBatch) || batch.baseOffset >= from || this.#middles.get(tracker) === from) return false
    this.#middles.set(tracker, from)
    this.#options.life().seek(tracker.topic, tracker.partition, from)
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

/** kafkajs tells its own batches, but not the compiler, what was asked for and all that came. */
interface FetchedBatch extends Batch {
  readonly fetchedOffset: string
  readonly rawMessages: readonly Fetched[]
}
