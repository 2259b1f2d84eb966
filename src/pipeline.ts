import { setMaxListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { App } from './app.ts'
import { AppEvent, DISCARDED, NO_APP_GUID, POINT } from './app-event.ts'
import { type Decoder, GROUP_MESSAGES } from './decode/decoder.ts'
import type { LineEncoder } from './encode/line-encoder.ts'
import { guidOf } from './enricher/app-index.ts'
import type { Enricher } from './enricher/enricher.ts'
import { toError } from './errors.ts'
import { HeldMessages } from './held-messages.ts'
import { abortable } from './lib/abortable.ts'
import { Activity } from './lib/activity.ts'
import { type Undeliverable, undeliverable } from './lib/undeliverable.ts'
import type { Batch } from './output/batch.ts'
import { Batcher } from './output/batcher.ts'
import type { DeadLetters, Delivery, Fate, Input, Message, Output, Receipt } from './types.ts'

export interface PipelineOptions {
  readonly input: Input
  readonly decoder: Decoder
  readonly enricher: Enricher
  readonly encoder: LineEncoder
  readonly output: Output
  readonly deadLetters: DeadLetters
  /** What becomes of the events of an app that does not exist: settled as `not_found`, or written with its guid alone. */
  readonly notFound: 'discard' | 'write'
  readonly flushMessages: number
  readonly flushIntervalMs: number
  readonly maxWrites: number
}

/** The event loop gets a turn this often, however much there is to read: heartbeats and /healthz depend on it. */
const TURN_MS = 20

/**
 * The whole flow: input, decode, decide, enrich, encode, batch, write, settle.
 *
 * Back-pressure needs no code of its own: a full batcher keeps `#take` waiting, and the input is not pulled meanwhile.
 * What cannot go on yet (an app that Cloud Controller has not answered for, a dead letter that Kafka has not taken) leaves the
 * street as an errand: it keeps its own messages unsettled, and nobody else's.
 */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #batcher: Batcher
  readonly #events = Array.from({ length: GROUP_MESSAGES }, () => new AppEvent())
  /** Of a message that was held. */
  readonly #heldEvent = new AppEvent()
  readonly #held = new HeldMessages()
  readonly #errands = new Set<Promise<void>>()
  /** Aborts once something has failed for good. */
  readonly #failing = new AbortController()
  #failure: Error | undefined
  #kill = new AbortController().signal
  /** Nothing more is read: what an errand lets go on must not wait for a batch to fill. */
  #isFlowingOut = false
  #turnAtMs = 0
  #nowMs = 0

  /** Events whose app was found; events without an app, or of one that does not exist; points put into a batch. */
  readonly enriched = new Activity()
  readonly enrichFailed = new Activity()
  readonly batched = new Activity()

  constructor(options: PipelineOptions) {
    this.#options = options
    const { flushMessages, flushIntervalMs, maxWrites, deadLetters } = options
    const write = (batch: Batch) => this.#write(batch)
    this.#batcher = new Batcher({ flushMessages, flushIntervalMs, maxWrites, keepsValues: deadLetters.keepsValues, write })
    this.#batcher.failure.catch((error) => this.#fail(error))
  }

  /** Messages that wait for Cloud Controller's answer, and their apps. */
  get held(): HeldMessages {
    return this.#held
  }

  /**
   * Reads until `stop` aborts or the input ends, then lets everything flow out. Rejects with what made it impossible to go on;
   * what was not settled by then stays so. `kill` ends all waiting: then it resolves, with messages still unsettled.
   */
  async run(stop: AbortSignal, kill: AbortSignal): Promise<void> {
    this.#kill = kill
    // Dead letters that wait for their topic listen to it, each errand for itself.
    setMaxListeners(0, kill)
    try {
      for await (const delivery of this.#options.input.read(AbortSignal.any([stop, this.#failing.signal]))) await this.#take(delivery)
      await abortable(this.#flowOut(), AbortSignal.any([kill, this.#failing.signal]))
    } catch (error) {
      this.#fail(error)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Has the open batch written at once: before a rebalance nobody should wait for it to fill. */
  flushNow(): void {
    this.#batcher.flush()
  }

  async #take({ messages, receipt }: Delivery): Promise<void> {
    await this.#giveTurn()
    const dead: Undeliverable[] = []
    for (let start = 0; start < messages.length; ) {
      if (this.#batcher.isFull) await abortable(this.#batcher.space(), this.#kill)
      if (!receipt.isOpen) break
      start = this.#takeGroup(messages, start, receipt, dead)
    }
    this.#bury(dead)
  }

  /** Returns the first message not taken: what was decoded and finds no space any more is decoded again. */
  #takeGroup(messages: readonly Message[], start: number, receipt: Receipt, dead: Undeliverable[]): number {
    const { decoder, enricher } = this.#options
    const events = this.#events
    const count = decoder.decodeGroup(messages, start, events)
    enricher.prefetch(events, count)
    for (let i = 0; i < count; i++) {
      if (this.#batcher.isFull) return start + i
      const index = start + i
      const fate = this.#refine(events[i] as AppEvent, messages[index]?.value ?? null, receipt, index, undefined, dead)
      if (fate !== undefined) receipt.settle(fate, index)
    }
    return start + count
  }

  /**
   * One message, from its event to a line, or to the fate that it meets at once. Undefined where its fate is still to come.
   * There must be space in the batcher. `known` is its app, where that has just been asked for.
   */
  #refine(
    event: AppEvent,
    value: Buffer | null,
    receipt: Receipt,
    index: number,
    known: App | undefined,
    dead: Undeliverable[],
  ): Fate | undefined {
    const { enricher, encoder, notFound, deadLetters } = this.#options
    const { verdict } = event
    if (verdict === DISCARDED) return 'discarded'
    if (verdict === NO_APP_GUID) {
      this.enrichFailed.add(1, this.#nowMs)
      return 'no_app_guid'
    }
    if (verdict !== POINT || value === null) {
      dead.push(undeliverable('undecodable', event.problem, receipt, index, value, deadLetters.keepsValues))
      return undefined
    }
    const app = known ?? enricher.find(event)
    if (app === undefined) {
      this.#hold(guidOf(event), receipt, index, value)
      return undefined
    }
    if (app.exists) this.enriched.add(1, this.#nowMs)
    else {
      this.enrichFailed.add(1, this.#nowMs)
      if (notFound === 'discard') return 'not_found'
    }
    const refusal = encoder.encode(event, app, value, this.#batcher.open.lines)
    if (refusal !== undefined) dead.push(undeliverable('refused', refusal, receipt, index, value, deadLetters.keepsValues))
    else {
      this.#batcher.add(receipt, index, value)
      this.batched.add(1, this.#nowMs)
    }
    return undefined
  }

  #hold(guid: string, receipt: Receipt, index: number, value: Buffer): void {
    if (this.#held.hold(guid, receipt, index, value)) this.#send(this.#release(guid))
  }

  /** An errand: waits until Cloud Controller has said what the app is, then lets its messages go on. */
  async #release(guid: string): Promise<void> {
    const { decoder, enricher } = this.#options
    const app = await enricher.lookUp(guid)
    if (app === undefined) return
    const dead: Undeliverable[] = []
    for (const { receipt, index, value } of this.#held.release(guid)) {
      await this.#giveTurn()
      if (this.#batcher.isFull) await this.#batcher.space()
      if (!receipt.isOpen) continue
      decoder.decode(value, this.#heldEvent)
      const fate = this.#refine(this.#heldEvent, value, receipt, index, app, dead)
      if (fate !== undefined) receipt.settle(fate, index)
    }
    this.#bury(dead)
  }

  async #write(batch: Batch): Promise<void> {
    const refused = await this.#options.output.write(batch, this.#kill)
    batch.settleWritten(refused)
    this.#bury(batch.undeliverable(refused))
  }

  #bury(dead: readonly Undeliverable[]): void {
    if (dead.length > 0) this.#send(this.#keep(dead))
  }

  /** An errand: a dead message is settled once its dead letter is kept. */
  async #keep(dead: readonly Undeliverable[]): Promise<void> {
    await this.#options.deadLetters.send(dead, this.#kill)
    for (const { receipt, index, reason } of dead) receipt.settle(reason, index)
  }

  #send(errand: Promise<void>): void {
    const errands = this.#errands
    const settled = errand
      .catch((error) => this.#fail(error))
      .finally(() => {
        errands.delete(settled)
        if (this.#isFlowingOut) this.#batcher.flush()
      })
    errands.add(settled)
  }

  async #flowOut(): Promise<void> {
    this.#isFlowingOut = true
    await this.#batcher.drain()
    while (this.#errands.size > 0) {
      await Promise.all(this.#errands)
      await this.#batcher.drain()
    }
  }

  async #giveTurn(): Promise<void> {
    const elapsedMs = performance.now() - this.#turnAtMs
    this.#nowMs = Date.now()
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
