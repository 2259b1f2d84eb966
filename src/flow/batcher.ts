import type { ByteBuffer } from '../lib/byte-buffer.ts'
import { toError } from '../lib/errors.ts'
import { Batch } from './batch.ts'
import type { Ack } from './contracts.ts'

export interface BatcherOptions {
  /** A batch is written when it holds this many lines… */
  readonly flushMessages: number
  /** …or is this old… */
  readonly flushIntervalMs: number
  /** …or this large (its lines, and the messages kept with them). InfluxDB 1.x takes 25 MB at once, 3.x takes 10. */
  readonly maxBytes?: number
  /** Batches written at once; one more is being filled meanwhile. */
  readonly maxWrites: number
  /** Whether batches keep the original messages. */
  readonly keepsValues: boolean
  /** Writes a batch and settles it. The batch is used again afterwards. What it rejects with ends the batcher. */
  readonly write: (batch: Batch) => Promise<void>
  /** Called when a write has ended, well or not. */
  readonly freed?: () => void
}

/**
 * Gathers lines into batches and has them written, a bounded number at once. For each message:
 *
 *     if (batcher.isFull) await batcher.space()
 *     encode(event, metadata, batcher.buffer)
 *     batcher.add(ack, index, value)
 */
export class Batcher {
  readonly #options: Required<BatcherOptions>
  #open: Batch
  readonly #spare: Batch[] = []
  #writing = 0
  /** The open batch is to be written as soon as it may. */
  #isDue = false
  #timer: NodeJS.Timeout | undefined
  #error: Error | undefined
  #fail: (error: Error) => void = () => {}
  #waiting: (() => void)[] = []
  /** Rejects with the first error of a write; whoever drives the flow races against it. Never resolves. */
  readonly failure: Promise<never>

  constructor(options: BatcherOptions) {
    this.#options = { maxBytes: 8 * 2 ** 20, freed: () => {}, ...options }
    this.#open = new Batch(options)
    this.failure = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failure.catch(() => {})
  }

  /** The batch that is being filled. Another one after each `add`. */
  get open(): Batch {
    return this.#open
  }

  /** Where a record is appended. Another buffer after each `add`. */
  get buffer(): ByteBuffer {
    return this.#open.lines
  }

  /** Not worth counting: what it keeps is bounded by its own limits. */
  readonly keptBytes = 0

  /** Batches being written. */
  get writing(): number {
    return this.#writing
  }

  /** Nothing may be added until `space()` has resolved. */
  get isFull(): boolean {
    return this.#open.count >= this.#options.flushMessages || this.#open.sizeBytes >= this.#options.maxBytes
  }

  /** Closes the line that was appended to `buffer`; see {@link Batch.add}. */
  add(ack: Ack, index: number, value: Uint8Array): void {
    this.#open.add(ack, index, value)
    if (this.isFull) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), this.#options.flushIntervalMs)
  }

  /** Resolves when lines may be added; rejects once a write has failed. */
  async space(): Promise<void> {
    while (this.isFull || this.#error !== undefined) await this.#change()
  }

  /** Has the open batch written now, or as soon as one of the writes under way has ended. Until then it can still be filled. */
  flush(): void {
    if (this.#open.count === 0) return
    this.#isDue = true
    this.#writeIfDue()
  }

  /** Flushes, and resolves when everything is written; rejects once a write has failed. */
  async drain(): Promise<void> {
    for (;;) {
      this.flush()
      if (this.#writing === 0 && this.#error === undefined) return
      await this.#change()
    }
  }

  #writeIfDue(): void {
    if (!this.#isDue || this.#writing >= this.#options.maxWrites || this.#error !== undefined) return
    const batch = this.#open
    this.#open = this.#spare.pop() ?? new Batch(this.#options)
    this.#isDue = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing++
    void this.#write(batch)
  }

  async #write(batch: Batch): Promise<void> {
    try {
      await this.#options.write(batch)
      batch.reset()
      this.#spare.push(batch)
    } catch (error) {
      this.#error ??= toError(error)
      clearTimeout(this.#timer)
      this.#fail(this.#error)
    }
    this.#writing--
    this.#writeIfDue()
    for (const wake of this.#waiting.splice(0)) wake()
    this.#options.freed()
  }

  /** Resolves when a write has ended; rejects once one has failed. */
  async #change(): Promise<void> {
    if (this.#error === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#error !== undefined) throw this.#error
  }
}
