import type { Delivery, Message } from '../../flow/contracts.ts'
import { type EventSource, type Header, SecondHandSource } from '../../flow/event-source.ts'
import { Run } from '../../flow/run.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import type { Assignment } from '../offsets/assignment.ts'
import type { Bell } from '../offsets/bell.ts'
import type { OffsetTracker } from '../offsets/offset-tracker.ts'
import type { Portion } from './portions.ts'

export interface ReadAheadOptions {
  /** Messages read and not settled, and bytes of them; reading pauses at either. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  /** See the input's. */
  readonly keptBytes?: (() => number) | undefined
  /** Rings when there is something to take. */
  readonly filled: Bell
  /** Rings when there may be room again. */
  readonly emptied: Bell
}

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
  /** Of all compressed batches that are open: what they have become. Whoever opens one adds it, and takes it off again. */
  openBytes = 0

  constructor(options: ReadAheadOptions) {
    this.#options = options
  }

  add(assignment: Assignment, tracker: OffsetTracker, { messages, times, bytes, next, unreadable }: Portion): void {
    const nowMs = steadyNowMs()
    const run = unreadable === undefined ? new Run(messages, next, nowMs, times) : Run.unreadable(unreadable, next, nowMs)
    tracker.add(run)
    const ack = assignment.ackOf(tracker, run, bytes, secondHand(tracker, messages))
    this.#waiting.push({ messages, ack, ...(unreadable && { unreadable }), assignment, tracker, run, bytes })
    this.#messages += run.count
    this.#bytes += bytes
    this.#options.filled.ring()
  }

  /** The next delivery, from now on in flight; undefined where none waits. */
  take(): Delivery | undefined {
    const delivery = this.#waiting.shift()
    if (delivery === undefined) return undefined
    this.#messages -= delivery.run.count
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
    const { maxInFlight, maxInFlightBytes, keptBytes } = this.#options
    return inFlight + this.#messages >= maxInFlight || inFlightBytes + this.#bytes + (keptBytes?.() ?? 0) >= maxInFlightBytes
  }

  /**
   * Whether a compressed batch may be opened: what it becomes is not known before. As long as others are open, they count, too, as
   * a whole, since a message keeps all that was decompressed with it alive.
   */
  mayOpen({ inFlightBytes }: Assignment): boolean {
    return this.openBytes === 0 || inFlightBytes + this.#bytes + this.openBytes < this.#options.maxInFlightBytes
  }

  /** Whether the next batch may be fetched. */
  hasRoom(assignment: Assignment): boolean {
    return this.#messages < WAITING_MESSAGES && this.#bytes < WAITING_BYTES && !this.isAtLimit(assignment)
  }
}

/** Where some of the messages brought something along: the ids that dead letters had before, headers. */
function secondHand(tracker: OffsetTracker, messages: readonly Message[]): EventSource | undefined {
  let brought: { readonly ids: Map<number, string>; readonly headers: Map<number, readonly Header[]> } | undefined
  for (const { offset, eventId, headers } of messages) {
    if (headers === undefined) continue
    brought ??= { ids: new Map(), headers: new Map() }
    brought.headers.set(offset, headers)
    if (eventId !== undefined) brought.ids.set(offset, eventId)
  }
  return brought === undefined ? undefined : new SecondHandSource(tracker.source, brought)
}
