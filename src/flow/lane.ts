import { Activity } from '../lib/activity.ts'
import type { ByteBuffer } from '../lib/byte-buffer.ts'
import type { Batch } from './batch.ts'
import { Batcher } from './batcher.ts'
import type { Ack, DeadLetter, DeadLetters, Output, Sink, Unreadable } from './contracts.ts'
import { HeldRecords } from './held-records.ts'
import { PlacedBatcher } from './placed-batcher.ts'
import { type Undeliverable, undeliverable, unreadableLetter } from './undeliverable.ts'

export interface LaneOptions<Encoder> {
  /** The output's, as dead letters call it. */
  readonly name: string
  readonly encoder: Encoder
  readonly output: Output
  readonly deadLetters: DeadLetters
  /** See {@link Sink.speaksForAll}. */
  readonly speaksForAll: boolean
  readonly limits: BatchLimits
}

/** When a batch is written, and how many at once. */
export interface BatchLimits {
  /** Records in a batch, and their bytes with those of the messages kept with them. */
  readonly flushMessages: number
  readonly maxBytes?: number
  /** How old a batch gets. */
  readonly flushIntervalMs: number
  readonly maxWrites: number
  /** A batch for each place, since places are not written together. */
  readonly isByPlace?: boolean
}

/** What a lane needs of who drives it. */
export interface LaneDriver {
  /** Gives up all waiting. */
  readonly kill: AbortSignal
  /** Called with what makes it impossible to go on. */
  readonly fail: (error: unknown) => void
  /** Called when the lane may have space again. */
  readonly freed: () => void
}

/**
 * What lies before one output: its open batch, the batches being written, and its dead letters. A dead letter that nobody has
 * taken yet keeps its own message unsettled, and nobody else's.
 */
export class Lane<Encoder = unknown> implements Sink<Encoder> {
  readonly name: string
  readonly encoder: Encoder
  readonly speaksForAll: boolean
  readonly #options: LaneOptions<Encoder>
  readonly #batcher: Batcher | PlacedBatcher
  readonly #held: HeldRecords
  readonly #burials = new Set<Promise<void>>()
  #dead: Undeliverable[] = []
  #driver: LaneDriver = { kill: new AbortController().signal, fail: () => {}, freed: () => {} }

  /** `Date.now()`, as whoever puts something in has read it last. */
  nowMs = 0
  /** Records put into a batch. */
  readonly batched = new Activity()
  /** Messages in a batch that has not been written, and those whose dead letter nobody has taken yet. */
  #unwritten = 0
  #burying = 0
  /** Messages that the encoder or the output has refused. */
  refused = 0

  constructor(options: LaneOptions<Encoder>) {
    this.name = options.name
    this.encoder = options.encoder
    this.speaksForAll = options.speaksForAll
    this.#options = options
    const { limits, deadLetters } = options
    const { keepsValues } = deadLetters
    const batches = { ...limits, keepsValues, write: (batch: Batch) => this.#write(batch), freed: () => this.#driver.freed() }
    this.#batcher = limits.isByPlace === true ? new PlacedBatcher(batches) : new Batcher(batches)
    this.#held = new HeldRecords({
      keepsValues,
      flushMessages: limits.flushMessages,
      write: (batch, tries) => this.#writeAndSettle(batch, tries),
      fail: (error) => this.#driver.fail(error),
    })
    this.#batcher.failure.catch((error) => this.#driver.fail(error))
  }

  /** Before anything is put in. */
  begin(driver: LaneDriver): void {
    this.#driver = driver
  }

  get isFull(): boolean {
    return this.#batcher.isFull
  }

  get buffer(): ByteBuffer {
    return this.#batcher.buffer
  }

  close(ack: Ack, index: number, original: Uint8Array, place?: string): void {
    this.#batcher.add(ack, index, original, place)
    this.batched.add(1, this.nowMs)
    this.#unwritten++
  }

  bury(reason: DeadLetter['reason'], problem: string, ack: Ack, index: number, original: Uint8Array | null): void {
    const { deadLetters } = this.#options
    this.#burying++
    this.#addDead(undeliverable(reason, problem, this.name, ack, index, original, deadLetters.keepsValues))
  }

  /** What the ack is for could not be read. */
  buryUnreadable(unreadable: Unreadable, ack: Ack): void {
    this.#burying += unreadable.count
    this.#addDead(unreadableLetter(unreadable, ack, this.#options.deadLetters.keepsValues))
  }

  /** Resolves when records may be put in; rejects once a write has failed. Others may have been woken by the same space: look again. */
  space(): Promise<void> {
    return this.#batcher.space()
  }

  /** Has the open batch written at once. */
  flush(): void {
    this.#batcher.flush()
  }

  /** Messages put in and not settled here. */
  get inFlight(): number {
    return this.#unwritten + this.#burying + this.#held.count
  }

  /** Bytes of records that wait in batches of many places, which nothing else bounds. */
  get keptBytes(): number {
    return this.#batcher.keptBytes
  }

  /** Records that the output holds back. */
  get held(): number {
    return this.#held.count
  }

  /** Resolves when all that was put in is written or buried; rejects once a write has failed. */
  async drain(): Promise<void> {
    await this.#batcher.drain()
    await this.#held.released
    while (this.#dead.length > 0 || this.#burials.size > 0) await Promise.all(this.#burials)
  }

  async #write(batch: Batch): Promise<void> {
    const held = await this.#writeAndSettle(batch, 0)
    this.#unwritten -= batch.count
    if (held.length > 0) this.#held.add(batch, held, this.#driver.kill)
  }

  /** Resolves to the numbers of the records that are held. */
  async #writeAndSettle(batch: Batch, tries: number): Promise<readonly number[]> {
    const unstored = await this.#options.output.write(batch, this.#driver.kill, tries)
    batch.settleWritten(unstored)
    const held = unstored.filter(({ isHeld }) => isHeld === true).map(({ record }) => record)
    const refused = held.length === 0 ? unstored : unstored.filter(({ isHeld }) => isHeld !== true)
    const dead = batch.undeliverable(refused, this.name)
    this.#burying += dead.length
    for (const each of dead) this.#addDead(each)
    return held
  }

  /** Those of one moment are sent together. */
  #addDead(dead: Undeliverable): void {
    if (this.#dead.push(dead) === 1) queueMicrotask(() => this.#sendDead())
  }

  #sendDead(): void {
    const dead = this.#dead
    this.#dead = []
    const burial = this.#send(dead)
      .catch((error) => this.#driver.fail(error))
      .finally(() => this.#burials.delete(burial))
    this.#burials.add(burial)
  }

  /** A dead message is settled once its dead letter is kept. */
  async #send(dead: readonly Undeliverable[]): Promise<void> {
    await this.#options.deadLetters.send(dead, this.#driver.kill)
    for (const { ack, index, count, reason } of dead) {
      this.#burying -= count
      if (reason === 'refused') this.refused += count
      ack.settle(reason, index, count)
    }
  }
}
