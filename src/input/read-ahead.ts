import type { Delivery, Message } from '../types.ts'
import { type Assignment, PartitionReceipt } from './assignment.ts'
import type { Bell } from './bell.ts'
import { type OffsetTracker, Run } from './offset-tracker.ts'

export interface ReadAheadOptions {
  /** Messages read and not settled, and bytes of them; reading pauses at either. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  /** Messages of one delivery at most. */
  readonly deliverySize: number
  /** Rings when there is something to take. */
  readonly filled: Bell
  /** Rings when there may be room again. */
  readonly emptied: Bell
}

/** A delivery ends at this many bytes, so that bytes in flight, which are counted by average, stay near the truth. */
const DELIVERY_BYTES = 256 * 1024
/** A message of this size travels alone, for the same reason. */
const LARGE_MESSAGE_BYTES = 32 * 1024
/** Waiting messages are whole objects and pin their fetch response: enough of them to keep the reader busy, no more. */
const WAITING_MESSAGES = 4000
const WAITING_BYTES = 4 * 1024 * 1024

interface Waiting extends Delivery {
  readonly assignment: Assignment
  readonly tracker: OffsetTracker
  readonly run: Run
  readonly bytes: number
}

/** Deliveries that have been fetched and not yet been asked for. They are not in flight: dropping them loses and repeats nothing. */
export class ReadAhead {
  readonly #options: ReadAheadOptions
  #waiting: Waiting[] = []
  #messages = 0
  #bytes = 0

  constructor(options: ReadAheadOptions) {
    this.#options = options
  }

  /** `next` is the offset to go on from behind them all. */
  add(assignment: Assignment, tracker: OffsetTracker, messages: readonly Message[], next: number): void {
    for (let start = 0; start < messages.length; ) {
      const { end, bytes } = this.#cut(messages, start)
      const part = start === 0 && end === messages.length ? messages : messages.slice(start, end)
      const run = new Run(part, end === messages.length ? next : Number(messages[end - 1]?.offset) + 1, Date.now())
      tracker.add(run)
      this.#waiting.push({
        messages: part,
        receipt: new PartitionReceipt(assignment, tracker, run, bytes),
        assignment,
        tracker,
        run,
        bytes,
      })
      this.#messages += part.length
      this.#bytes += bytes
      start = end
    }
    this.#options.filled.ring()
  }

  #cut(messages: readonly Message[], start: number): { readonly end: number; readonly bytes: number } {
    const most = Math.min(messages.length, start + this.#options.deliverySize)
    let bytes = 0
    for (let end = start; end < most; end++) {
      const size = messages[end]?.value?.length ?? 0
      if (end > start && (size >= LARGE_MESSAGE_BYTES || bytes + size > DELIVERY_BYTES)) return { end, bytes }
      bytes += size
      if (size >= LARGE_MESSAGE_BYTES) return { end: end + 1, bytes }
    }
    return { end: most, bytes }
  }

  /** The next delivery, from now on in flight; undefined where none waits. */
  take(): Delivery | undefined {
    const delivery = this.#waiting.shift()
    if (delivery === undefined) return undefined
    this.#messages -= delivery.messages.length
    this.#bytes -= delivery.bytes
    delivery.assignment.handOver(delivery.tracker, delivery.run, delivery.bytes)
    this.#options.emptied.ring()
    return delivery
  }

  /** They will be read again. */
  clear(): void {
    this.#waiting = []
    this.#messages = 0
    this.#bytes = 0
    this.#options.emptied.ring()
  }

  /** Whether what is in flight has reached a limit. */
  isAtLimit({ inFlight, inFlightBytes }: Assignment): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#options
    return inFlight + this.#messages >= maxInFlight || inFlightBytes + this.#bytes >= maxInFlightBytes
  }

  /** Whether the next batch may be fetched. */
  hasRoom(assignment: Assignment): boolean {
    return this.#messages < WAITING_MESSAGES && this.#bytes < WAITING_BYTES && !this.isAtLimit(assignment)
  }
}
