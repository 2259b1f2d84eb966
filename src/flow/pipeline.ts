import { setMaxListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { abortable } from '../lib/abortable.ts'
import { toError } from '../lib/errors.ts'
import type { Delivery, Input, Translator } from './contracts.ts'
import type { HeldMessages } from './held-messages.ts'
import type { Lane } from './lane.ts'
import { SharedAck } from './shared-ack.ts'
import { TranslatorsRoom } from './waiting-room.ts'

/** An input, and who understands what it reads; several inputs may have the same translator. */
export interface Source<Encoder> {
  readonly input: Input
  readonly translator: Translator<unknown, Encoder>
}

export interface PipelineOptions<Encoder> {
  readonly sources: readonly Source<Encoder>[]
  /** One for each output. */
  readonly lanes: readonly Lane<Encoder>[]
}

/** The event loop gets a turn this often, however much there is to read: heartbeats and /healthz depend on it. */
const TURN_MS = 20

/** What a lane has not taken yet of a delivery: its messages from number `next` on. */
interface Remainder<Encoder> {
  readonly delivery: Delivery
  readonly room: TranslatorsRoom<unknown, Encoder>
  readonly translator: Translator<unknown, Encoder>
  next: number
}

/**
 * The whole flow: messages of the inputs become records in the lane of each output, and each message's fate goes back as its
 * acknowledgement.
 *
 * Lanes that keep up take a message together, so that it is decoded once. A full lane stays behind, with messages as they came,
 * and takes them when it has space. Back-pressure needs no code of its own: no input is pulled while every lane is behind, and
 * where only some are, it stops at its limit of what may be in flight.
 *
 * What waits for an answer about its owner is put aside: it keeps its own messages unsettled, and nobody else's.
 */
export class Pipeline<Encoder> {
  readonly #sources: readonly Source<Encoder>[]
  readonly #lanes: readonly Lane<Encoder>[]
  readonly #behind: ReadonlyMap<Lane<Encoder>, Remainder<Encoder>[]>
  readonly #rooms = new Map<Translator<unknown, Encoder>, TranslatorsRoom<unknown, Encoder>>()
  /** Aborts once something has failed for good. */
  readonly #failing = new AbortController()
  #failure: Error | undefined
  #kill = new AbortController().signal
  /** Of the sources that wait until some lane has caught up. */
  #waiting: (() => void)[] = []
  /** Nothing more is read: what is released must not wait for a batch to fill. */
  #isFlowingOut = false
  #turnAtMs = 0

  constructor({ sources, lanes }: PipelineOptions<Encoder>) {
    this.#sources = sources
    this.#lanes = lanes
    this.#behind = new Map(lanes.map((lane) => [lane, []]))
    const driver = {
      kill: () => this.#kill,
      giveTurn: () => this.#giveTurn(),
      fail: (error: unknown) => this.#fail(error),
      released: () => {
        if (this.#isFlowingOut) this.flushNow()
      },
    }
    for (const { translator } of sources) this.#rooms.set(translator, new TranslatorsRoom(translator, lanes, driver))
  }

  /** Messages that wait for an answer about their owner, of those that `translator` takes. */
  heldBy(translator: Translator<unknown, Encoder>): HeldMessages | undefined {
    return this.#rooms.get(translator)?.held
  }

  /** Bytes that lanes keep beside the messages in flight: they count against the inputs' limit. */
  get keptBytes(): number {
    return this.#lanes.reduce((sum, { keptBytes }) => sum + keptBytes, 0)
  }

  /**
   * Reads until `stop` aborts or every input ends, then lets everything flow out. Rejects with what made it impossible to go on;
   * what was not settled by then stays so. `kill` ends all waiting: then it resolves, with messages still unsettled.
   */
  async run(stop: AbortSignal, kill: AbortSignal): Promise<void> {
    this.#kill = kill
    // Whatever waits in a lane listens to it, each for itself.
    setMaxListeners(0, kill)
    const driver = { kill, fail: (error: unknown) => this.#fail(error), freed: () => this.#freed() }
    for (const lane of this.#lanes) lane.begin(driver)
    const end = AbortSignal.any([kill, this.#failing.signal])
    const stopReading = AbortSignal.any([stop, this.#failing.signal])
    try {
      await Promise.all(this.#sources.map((source) => this.#read(source, stopReading, end)))
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

  /** Never rejects: a source that fails ends the others, too. */
  async #read({ input, translator }: Source<Encoder>, stop: AbortSignal, end: AbortSignal): Promise<void> {
    const room = this.#rooms.get(translator) as TranslatorsRoom<unknown, Encoder>
    try {
      for await (const delivery of input.read(stop)) {
        await this.#giveTurn()
        this.#offer(delivery, translator, room)
        if (!this.#hasCaughtUp()) await abortable(new Promise<void>((resolve) => this.#waiting.push(resolve)), end)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #freed(): void {
    this.#catchUp()
    for (const { input } of this.#sources) input.freed?.()
  }

  #offer(delivery: Delivery, translator: Translator<unknown, Encoder>, room: TranslatorsRoom<unknown, Encoder>): void {
    const { messages, ack, unreadable } = delivery
    if (unreadable !== undefined) {
      this.#lanes.find(({ speaksForAll }) => speaksForAll)?.buryUnreadable(unreadable, ack)
      return
    }
    const { size } = this.#behind
    const shared = size === 1 ? delivery : { messages, ack: new SharedAck(ack, messages.length, size) }
    for (const remainders of this.#behind.values()) remainders.push({ delivery: shared, translator, room, next: 0 })
    this.#catchUp()
  }

  /** Lets each lane that has space take what it is behind with; those that are equally far take it together. */
  #catchUp(): void {
    for (let group = this.#nextGroup(); group !== undefined; group = this.#nextGroup()) {
      const { lanes, first } = group
      const { delivery, translator, room, next } = first
      const { messages, ack } = delivery
      const taken = ack.isOpen ? translator.take(delivery, next, lanes, room) : messages.length
      for (const lane of lanes) {
        const remainders = this.#behind.get(lane) as Remainder<Encoder>[]
        if (taken === messages.length) remainders.shift()
        else (remainders[0] as Remainder<Encoder>).next = taken
      }
    }
    if (this.#waiting.length > 0 && this.#hasCaughtUp()) for (const goOn of this.#waiting.splice(0)) goOn()
  }

  #nextGroup(): { lanes: Lane<Encoder>[]; first: Remainder<Encoder> } | undefined {
    const lanes: Lane<Encoder>[] = []
    let first: Remainder<Encoder> | undefined
    for (const [lane, [remainder]] of this.#behind) {
      if (remainder === undefined || lane.isFull) continue
      first ??= remainder
      if (remainder.delivery !== first.delivery || remainder.next !== first.next) continue
      lane.nowMs = Date.now()
      lanes.push(lane)
    }
    return first === undefined ? undefined : { lanes, first }
  }

  /** Some lane has taken all that was read. */
  #hasCaughtUp(): boolean {
    for (const remainders of this.#behind.values()) if (remainders.length === 0) return true
    return false
  }

  async #flowOut(): Promise<void> {
    this.#isFlowingOut = true
    for (;;) {
      this.flushNow()
      await Promise.all(this.#lanes.map((lane) => lane.drain()))
      const releases = [...this.#rooms.values()].flatMap((room) => [...room.releases])
      if (this.#isAllTaken() && releases.length === 0) return
      await Promise.all(releases)
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
