import type { EachBatchPayload } from 'kafkajs'
import { sleep } from '../lib/sleep.ts'
import type { Bell } from './bell.ts'
import type { GroupLife } from './group-life.ts'
import type { Membership } from './membership.ts'
import type { OffsetTracker } from './offset-tracker.ts'
import type { PartitionWatch } from './partition-watch.ts'
import type { ReadAhead } from './read-ahead.ts'

export interface BatchReaderOptions {
  readonly life: () => GroupLife
  readonly membership: Membership
  readonly readAhead: ReadAhead
  readonly watch: PartitionWatch
  /** Rings when there may be room again, or nothing more to wait for. */
  readonly bell: Bell
}

/**
 * Takes kafkajs's batches, each only if it goes on exactly where the one before it ended. Between that check and the new
 * position nothing is awaited, so no join can come in between.
 */
export class BatchReader {
  readonly #options: BatchReaderOptions
  /** Where a gap was seen once: what comes from there again is the truth. */
  readonly #gaps = new WeakMap<OffsetTracker, number>()

  constructor(options: BatchReaderOptions) {
    this.#options = options
  }

  async read(payload: EachBatchPayload): Promise<void> {
    const { membership, readAhead, bell, watch } = this.#options
    const { batch, heartbeat, resolveOffset } = payload
    const { assignment } = membership
    const tracker = assignment.tracker(batch.topic, batch.partition)
    if (!membership.isReading(assignment) || tracker?.position === undefined) return membership.refuse(payload)
    watch.sawHighWatermark(tracker, Number(batch.highWatermark))
    const first = batch.messages[0]
    const last = batch.messages.at(-1)
    if (first === undefined || last === undefined) return
    if (!this.#goesOn(tracker, Number(batch.firstOffset() ?? first.offset))) return void (await sleep(20))

    readAhead.add(assignment, tracker, batch.messages, Number(batch.lastOffset()) + 1)
    resolveOffset(last.offset)
    while (membership.isReading(assignment) && !readAhead.hasRoom(assignment)) {
      await bell.wait(500)
      // Its errors are kafkajs's to see: that is how it learns of a rebalance.
      await heartbeat()
    }
  }

  /** Control records, aborted transactions and the like: kafkajs went on from `first` to `next` without a message. */
  skip(topic: string, partition: number, first: number, next: number): void {
    const { membership } = this.#options
    const tracker = membership.assignment.tracker(topic, partition)
    if (tracker?.position === undefined || !membership.isReading(membership.assignment)) return
    if (this.#goesOn(tracker, first)) tracker.skip(next)
  }

  #goesOn(tracker: OffsetTracker, first: number): boolean {
    const { life, watch } = this.#options
    const { topic, partition, position = 0 } = tracker
    if (first === position) return true
    if (first < position) {
      // Read before already, by the fetcher of another broker; or the partition was cut, which the watch will find.
      watch.lookSoon()
      return false
    }
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
