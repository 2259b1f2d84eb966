import { abortable } from '../lib/abortable.ts'
import type { Ack, Sink, Translator, WaitingRoom } from './contracts.ts'
import { type HeldMessage, HeldMessages } from './held-messages.ts'
import type { Lane } from './lane.ts'

/** What drives it: `giveTurn` lets the event loop go on where it has waited for long, `fail` hears of what cannot be gone on with. */
export interface WaitingRoomDriver {
  readonly kill: () => AbortSignal
  readonly giveTurn: () => Promise<void>
  readonly fail: (error: unknown) => void
  /** Messages have gone on to their lanes. */
  readonly released: () => void
}

/**
 * Where the messages of one translator wait for an answer about their owner: each keeps itself unsettled, and nobody else. Once its owner is
 * known it goes on to each of its lanes, at that lane's pace, in the order in which it came.
 */
export class TranslatorsRoom<Entry, Encoder> implements WaitingRoom<Encoder> {
  readonly held = new HeldMessages()
  readonly #translator: Translator<Entry, Encoder>
  readonly #lanes: readonly Lane<Encoder>[]
  readonly #driver: WaitingRoomDriver
  readonly #releases = new Set<Promise<void>>()
  /** By lane and key: the last messages that are on their way. */
  readonly #onTheirWay: ReadonlyMap<Sink<Encoder>, Map<string, Promise<void>>>

  constructor(translator: Translator<Entry, Encoder>, lanes: readonly Lane<Encoder>[], driver: WaitingRoomDriver) {
    this.#translator = translator
    this.#lanes = lanes
    this.#driver = driver
    this.#onTheirWay = new Map(lanes.map((lane) => [lane, new Map()]))
  }

  /** Those that wait, or are on their way to a lane. */
  get releases(): ReadonlySet<Promise<void>> {
    return this.#releases
  }

  hold(key: string, ack: Ack, index: number, original: Uint8Array, sinks: readonly Sink<Encoder>[]): void {
    if (!this.held.hold(key, ack, index, original, sinks)) return
    const release = this.#release(key)
      .catch(this.#driver.fail)
      .finally(() => {
        this.#releases.delete(release)
        this.#driver.released()
      })
    this.#releases.add(release)
  }

  isHolding(key: string, sinks: readonly Sink<Encoder>[]): boolean {
    return this.held.has(key) || sinks.some((sink) => this.#onTheirWay.get(sink)?.has(key) === true)
  }

  async #release(key: string): Promise<void> {
    const entry = await this.#translator.lookUp(key)
    if (entry === undefined) return
    const messages = this.held.release(key)
    await Promise.all(this.#lanes.map((lane) => this.#releaseInOrder(lane, key, entry, messages)))
  }

  /** Behind those of the same key that went before. */
  async #releaseInOrder(lane: Lane<Encoder>, key: string, entry: Entry, messages: readonly HeldMessage[]): Promise<void> {
    const byKey = this.#onTheirWay.get(lane) as Map<string, Promise<void>>
    const before = byKey.get(key)
    const release =
      before === undefined ? this.#releaseTo(lane, entry, messages) : before.then(() => this.#releaseTo(lane, entry, messages))
    byKey.set(key, release)
    try {
      await release
    } finally {
      if (byKey.get(key) === release) byKey.delete(key)
    }
  }

  async #releaseTo(lane: Lane<Encoder>, entry: Entry, messages: readonly HeldMessage[]): Promise<void> {
    const sinks = [lane]
    for (const { ack, index, value, sinks: meant } of messages) {
      if (!meant.includes(lane)) continue
      await this.#driver.giveTurn()
      while (lane.isFull) await abortable(lane.space(), this.#driver.kill())
      lane.nowMs = Date.now()
      if (ack.isOpen) this.#translator.retake(value, entry, ack, index, sinks)
    }
  }
}
