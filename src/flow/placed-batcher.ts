import { ByteBuffer } from '../lib/byte-buffer.ts'
import { toError } from '../lib/errors.ts'
import { Batch } from './batch.ts'
import type { BatcherOptions } from './batcher.ts'
import type { Ack } from './contracts.ts'

interface OpenBatch {
  readonly batch: Batch
  readonly timer: NodeJS.Timeout
}

/**
 * Gathers records into a batch for each place, as {@link Batcher} does for an output that has one. Never full: what all batches hold
 * together is what the input lets be in flight, and where it has reached its limit it has the older half written before their time.
 */
export class PlacedBatcher {
  readonly #options: Required<BatcherOptions>
  /** In the order in which they were opened. */
  readonly #open = new Map<string, OpenBatch>()
  /** To be written as soon as they may. */
  readonly #due: Batch[] = []
  #writing = 0
  /** Of all records that are not written. */
  keptBytes = 0
  #error: Error | undefined
  #fail: (error: Error) => void = () => {}
  #waiting: (() => void)[] = []
  /** A record is appended here before its place is known. */
  readonly buffer = new ByteBuffer(64 * 1024)
  readonly isFull = false
  /** Rejects with the first error of a write. Never resolves. */
  readonly failure: Promise<never>

  constructor(options: BatcherOptions) {
    this.#options = { maxBytes: 8 * 2 ** 20, freed: () => {}, ...options }
    this.failure = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failure.catch(() => {})
  }

  /** Closes the record that was appended to `buffer`. */
  add(ack: Ack, index: number, value: Uint8Array, place = ''): void {
    const { flushMessages, maxBytes } = this.#options
    const { batch } = this.#open.get(place) ?? this.#begin(place)
    const { buffer } = this
    batch.lines.reserve(buffer.length)
    buffer.bytes.copy(batch.lines.bytes, batch.lines.length, 0, buffer.length)
    const before = batch.sizeBytes
    batch.lines.length += buffer.length
    buffer.length = 0
    batch.add(ack, index, value)
    this.keptBytes += batch.sizeBytes - before
    if (batch.count >= flushMessages || batch.sizeBytes >= maxBytes) this.#end(place)
  }

  async space(): Promise<void> {
    if (this.#error !== undefined) throw this.#error
  }

  /** Has the older half of the open batches written; called again, half of the rest. */
  flush(): void {
    const older = [...this.#open.keys()].slice(0, Math.ceil(this.#open.size / 2))
    for (const place of older) this.#end(place)
  }

  /** Has all of them written, and resolves when that is done; rejects once a write has failed. */
  async drain(): Promise<void> {
    for (;;) {
      for (const place of [...this.#open.keys()]) this.#end(place)
      if (this.#error !== undefined) throw this.#error
      if (this.#writing === 0) return
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #begin(place: string): OpenBatch {
    const { flushIntervalMs } = this.#options
    const batch = new Batch({ ...this.#options, place })
    const open = { batch, timer: setTimeout(() => this.#end(place), flushIntervalMs) }
    this.#open.set(place, open)
    return open
  }

  #end(place: string): void {
    const open = this.#open.get(place)
    if (open === undefined) return
    clearTimeout(open.timer)
    this.#open.delete(place)
    this.#due.push(open.batch)
    this.#writeDue()
  }

  #writeDue(): void {
    while (this.#writing < this.#options.maxWrites && this.#error === undefined) {
      const batch = this.#due.shift()
      if (batch === undefined) return
      this.#writing++
      void this.#write(batch)
    }
  }

  async #write(batch: Batch): Promise<void> {
    try {
      await this.#options.write(batch)
    } catch (error) {
      this.#error ??= toError(error)
      for (const { timer } of this.#open.values()) clearTimeout(timer)
      this.#fail(this.#error)
    }
    this.#writing--
    this.keptBytes -= batch.sizeBytes
    this.#writeDue()
    for (const wake of this.#waiting.splice(0)) wake()
    this.#options.freed()
  }
}
