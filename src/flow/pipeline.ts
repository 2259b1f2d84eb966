import { setMaxListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { abortable } from '../lib/abortable.ts'
import { toError } from '../lib/errors.ts'
import type { Ack, Delivery, Input, Sink, Translator, WaitingRoom } from './contracts.ts'
import { type HeldMessage, HeldMessages } from './held-messages.ts'
import type { Lane } from './lane.ts'
import { SharedAck } from './shared-ack.ts'

export interface PipelineOptions<Entry, Encoder> {
  readonly input: Input
  readonly translator: Translator<Entry, Encoder>
  /** One for each output. */
  readonly lanes: readonly Lane<Encoder>[]
}

/** The event loop gets a turn this often, however much there is to read: heartbeats and /healthz depend on it. */
const TURN_MS = 20

/** What a lane has not taken yet of a delivery: its messages from number `next` on. */
interface Remainder {
  readonly delivery: Delivery
  next: number
}

/**
 * The whole flow: messages of the input become records in the lane of each output, and each message's fate goes back as its
 * acknowledgement.
 *
 * Lanes that keep up take a message together, so that it is decoded once. A full lane stays behind, with messages as they came,
 * and takes them when it has space. Back-pressure needs no code of its own: the input is not pulled while every lane is behind, and
 * where only some are, it stops at its limit of what may be in flight.
 *
 * What waits for an answer about its owner is put aside: it keeps its own messages unsettled, and nobody else's.
 */
export class Pipeline<Entry, Encoder> implements WaitingRoom<Encoder> {
  readonly #input: Input
  readonly #translator: Translator<Entry, Encoder>
  readonly #lanes: readonly Lane<Encoder>[]
  readonly #behind: ReadonlyMap<Lane<Encoder>, Remainder[]>
  readonly #held = new HeldMessages()
  readonly #releases = new Set<Promise<void>>()
  /** Aborts once something has failed for good. */
  readonly #failing = new AbortController()
  #failure: Error | undefined
  #kill = new AbortController().signal
  #caughtUp: () => void = () => {}
  /** Nothing more is read: what is released must not wait for a batch to fill. */
  #isFlowingOut = false
  #turnAtMs = 0

  constructor({ input, translator, lanes }: PipelineOptions<Entry, Encoder>) {
    this.#input = input
    this.#translator = translator
    this.#lanes = lanes
    this.#behind = new Map(lanes.map((lane) => [lane, []]))
  }

  /** Messages that wait for an answer about their owner. */
  get held(): HeldMessages {
    return this.#held
  }

  /** Bytes that lanes keep beside the messages in flight: they count against the input's limit. */
  get keptBytes(): number {
    return this.#lanes.reduce((sum, { keptBytes }) => sum + keptBytes, 0)
  }

  /**
   * Reads until `stop` aborts or the input ends, then lets everything flow out. Rejects with what made it impossible to go on;
   * what was not settled by then stays so. `kill` ends all waiting: then it resolves, with messages still unsettled.
   */
  async run(stop: AbortSignal, kill: AbortSignal): Promise<void> {
    this.#kill = kill
    // Whatever waits in a lane listens to it, each for itself.
    setMaxListeners(0, kill)
    const driver = { kill, fail: (error: unknown) => this.#fail(error), freed: () => this.#freed() }
    for (const lane of this.#lanes) lane.begin(driver)
    const end = AbortSignal.any([kill, this.#failing.signal])
    try {
      for await (const delivery of this.#input.read(AbortSignal.any([stop, this.#failing.signal]))) {
        await this.#giveTurn()
        this.#offer(delivery)
        if (!this.#hasCaughtUp()) await abortable(new Promise<void>((resolve) => (this.#caughtUp = resolve)), end)
      }
      await abortable(this.#flowOut(), end)
    } catch (error) {
      this.#fail(error)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Has open batches written at once: before a rebalance nobody should wait for them to fill. */
  flushNow(): void {
    for (const lane of this.#lanes) lane.flush()
  }

  hold(key: string, ack: Ack, index: number, original: Uint8Array, sinks: readonly Sink<Encoder>[]): void {
    if (!this.#held.hold(key, ack, index, original, sinks)) return
    const release = this.#release(key)
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#releases.delete(release)
        if (this.#isFlowingOut) this.flushNow()
      })
    this.#releases.add(release)
  }

  #freed(): void {
    this.#catchUp()
    this.#input.freed?.()
  }

  #offer(delivery: Delivery): void {
    const { messages, ack, unreadable } = delivery
    if (unreadable !== undefined) {
      this.#lanes.find(({ speaksForAll }) => speaksForAll)?.buryUnreadable(unreadable, ack)
      return
    }
    const { size } = this.#behind
    const shared = size === 1 ? delivery : { messages, ack: new SharedAck(ack, messages.length, size) }
    for (const remainders of this.#behind.values()) remainders.push({ delivery: shared, next: 0 })
    this.#catchUp()
  }

  /** Lets each lane that has space take what it is behind with; those that are equally far take it together. */
  #catchUp(): void {
    for (let group = this.#nextGroup(); group !== undefined; group = this.#nextGroup()) {
      const { lanes, delivery, next } = group
      const { messages, ack } = delivery
      const taken = ack.isOpen ? this.#translator.take(delivery, next, lanes, this) : messages.length
      for (const lane of lanes) {
        const remainders = this.#behind.get(lane) as Remainder[]
        if (taken === messages.length) remainders.shift()
        else (remainders[0] as Remainder).next = taken
      }
    }
    if (this.#hasCaughtUp()) this.#caughtUp()
  }

  #nextGroup(): { lanes: Lane<Encoder>[]; delivery: Delivery; next: number } | undefined {
    const lanes: Lane<Encoder>[] = []
    let first: Remainder | undefined
    for (const [lane, [remainder]] of this.#behind) {
      if (remainder === undefined || lane.isFull) continue
      first ??= remainder
      if (remainder.delivery !== first.delivery || remainder.next !== first.next) continue
      lane.nowMs = Date.now()
      lanes.push(lane)
    }
    return first === undefined ? undefined : { lanes, delivery: first.delivery, next: first.next }
  }

  /** Some lane has taken all that was read. */
  #hasCaughtUp(): boolean {
    for (const remainders of this.#behind.values()) if (remainders.length === 0) return true
    return false
  }

  /** Waits until `key` is known, then lets its messages go on to each of their lanes, at that lane's pace. */
  async #release(key: string): Promise<void> {
    const entry = await this.#translator.lookUp(key)
    if (entry === undefined) return
    const messages = this.#held.release(key)
    await Promise.all(this.#lanes.map((lane) => this.#releaseTo(lane, entry, messages)))
  }

  async #releaseTo(lane: Lane<Encoder>, entry: Entry, messages: readonly HeldMessage[]): Promise<void> {
    const sinks = [lane]
    for (const { ack, index, value, sinks: meant } of messages) {
      if (!meant.includes(lane)) continue
      await this.#giveTurn()
      while (lane.isFull) await abortable(lane.space(), this.#kill)
      lane.nowMs = Date.now()
      if (ack.isOpen) this.#translator.retake(value, entry, ack, index, sinks)
    }
  }

  async #flowOut(): Promise<void> {
    this.#isFlowingOut = true
    for (;;) {
      this.flushNow()
      await Promise.all(this.#lanes.map((lane) => lane.drain()))
      if (this.#isAllTaken() && this.#releases.size === 0) return
      await Promise.all(this.#releases)
    }
  }

  #isAllTaken(): boolean {
    for (const remainders of this.#behind.values()) if (remainders.length > 0) return false
    return true
  }

  async #giveTurn(): Promise<void> {
    const elapsedMs = performance.now() - this.#turnAtMs
    if (elapsedMs < TURN_MS) return
    await setImmediate()
    this.#turnAtMs = performance.now()
  }

  /** What fails because everything is being given up is no failure. */
  #fail(error: unknown): void {
    if (this.#kill.aborted) return
    this.#failure ??= toError(error)
    this.#failing.abort()
  }
}
