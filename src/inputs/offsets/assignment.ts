import type { Ack, Fate } from '../../flow/contracts.ts'
import type { EventSource } from '../../flow/event-source.ts'
import type { Ledger } from '../../flow/ledger.ts'
import type { Run } from '../../flow/run.ts'
import { type InFlight, RunAck } from '../../flow/run-ack.ts'
import type { Bell } from './bell.ts'
import { OffsetTracker } from './offset-tracker.ts'

/** Topic to partitions, as kafkajs tells them. */
export type Partitions = Readonly<Record<string, readonly number[]>>

/**
 * The partitions this member has been given, from one join of the group to the next, and what is in flight of them. It is the
 * fence of the input: whatever is read, settled or committed belongs to one assignment, and once that has ended nothing of it
 * counts any more. The same partition given again is another life with another tracker.
 */
export class Assignment {
  readonly partitions: Partitions
  readonly #trackers = new Map<string, OffsetTracker>()
  readonly #ledger: Ledger
  readonly #settled: Bell
  /** Messages handed over and not settled, and their bytes. */
  inFlight = 0
  inFlightBytes = 0
  /** How many messages have been settled. */
  settledCount = 0
  isOpen = true

  /** `settled` rings when messages have been settled. */
  constructor(partitions: Partitions, ledger: Ledger, settled: Bell) {
    this.partitions = partitions
    this.#ledger = ledger
    this.#settled = settled
    for (const [topic, numbers] of Object.entries(partitions)) {
      for (const partition of numbers) this.#trackers.set(`${topic}/${partition}`, new OffsetTracker(topic, partition))
    }
  }

  get topics(): string[] {
    return Object.keys(this.partitions)
  }

  get trackers(): IterableIterator<OffsetTracker> {
    return this.#trackers.values()
  }

  tracker(topic: string, partition: number): OffsetTracker | undefined {
    return this.#trackers.get(`${topic}/${partition}`)
  }

  /** The partition's log begins anew (it was cut, or its topic was made again): what was read of it before moves no offset any more. */
  renewTracker({ topic, partition }: OffsetTracker): OffsetTracker {
    const tracker = new OffsetTracker(topic, partition)
    this.#trackers.set(`${topic}/${partition}`, tracker)
    return tracker
  }

  /** Messages go to whoever reads: from now on they count. */
  handOver(tracker: OffsetTracker, run: Run, bytes: number): void {
    this.#ledger.consume(run.count, bytes)
    tracker.handedOverTo = run.next
    tracker.inFlight += run.count
    this.inFlight += run.count
    this.inFlightBytes += bytes
  }

  /** For messages of a partition that were read, and are to be handed over. `source` where it is not the tracker's own. */
  ackOf(tracker: OffsetTracker, run: Run, bytes: number, source: EventSource = tracker.source): Ack {
    const inFlight = new PartitionInFlight(this, tracker)
    const { topic, partition } = tracker
    return new RunAck({ inFlight, run, bytes, source, topic, partition })
  }

  settle(tracker: OffsetTracker, fate: Fate, count: number, bytes: number): void {
    this.#ledger.settle(fate, count)
    tracker.inFlight -= count
    this.inFlight -= count
    this.inFlightBytes = this.inFlight === 0 ? 0 : this.inFlightBytes - bytes
    this.settledCount += count
    this.#settled.ring()
  }

  /** How many of the messages handed over would come again if it ended now, those included that are settled behind one that is not. */
  get repeats(): number {
    let repeats = 0
    for (const { handedOverTo, committed, startedAt } of this.trackers) {
      if (handedOverTo !== undefined) repeats += Math.max(0, handedOverTo - (committed ?? startedAt ?? handedOverTo))
    }
    return repeats
  }

  /** Abandons what is in flight, and returns how many messages that were. */
  end(): number {
    const abandoned = this.inFlight
    this.isOpen = false
    this.#ledger.abandon(abandoned)
    this.inFlight = 0
    this.inFlightBytes = 0
    return abandoned
  }
}

/** What is in flight of one partition. */
class PartitionInFlight implements InFlight {
  readonly #assignment: Assignment
  readonly #tracker: OffsetTracker

  constructor(assignment: Assignment, tracker: OffsetTracker) {
    this.#assignment = assignment
    this.#tracker = tracker
  }

  get isOpen(): boolean {
    return this.#assignment.isOpen
  }

  settle(fate: Fate, count: number, bytes: number): void {
    this.#assignment.settle(this.#tracker, fate, count, bytes)
  }
}
