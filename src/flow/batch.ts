import { ByteBuffer } from '../lib/byte-buffer.ts'
import type { Ack, Fate, Records, RefusedRecord } from './contracts.ts'
import { type Undeliverable, undeliverable } from './undeliverable.ts'

export interface BatchOptions {
  /** Whether the original bytes of each message are copied, for a dead letter. */
  readonly keepsValues: boolean
  /** Where in the output all of it goes, where that has several places. */
  readonly place?: string | undefined
}

/** To begin with: records, and bytes of them. Batches of places are many, and most stay small. */
const FIRST = { records: 1024, bytes: 64 * 1024 }
const FIRST_OF_PLACE = { records: 16, bytes: 1024 }
/** A buffer that a few large messages have made longer than this is not kept for the next batch. */
const LARGEST_KEPT_BYTES = 16 * 2 ** 20

/**
 * Records on their way to the output, and for each where it came from. The encoder appends a line to `lines`, then `add` closes
 * it. On the hot path: `add` takes a few ns and allocates nothing, once the batch has been as full as it gets.
 */
export class Batch implements Records {
  readonly #keepsValues: boolean
  readonly place: string | undefined
  lines: ByteBuffer
  #count = 0
  /** Per line: where it ends, its message's index in the delivery, the size of the message. */
  #ends: Uint32Array<ArrayBuffer>
  #indexes: Uint32Array<ArrayBuffer>
  #sizes: Uint32Array<ArrayBuffer>
  /** Runs of lines of one delivery: its ack, and the first line. */
  readonly #acks: Ack[] = []
  readonly #runs: number[] = []
  #latest: Ack | undefined
  /** Copies of the messages, one behind the other: views would keep whole fetch responses of Kafka alive. */
  #values: Buffer = Buffer.alloc(0)
  #valuesLength = 0

  constructor({ keepsValues, place }: BatchOptions) {
    const { records, bytes } = place === undefined ? FIRST : FIRST_OF_PLACE
    this.#keepsValues = keepsValues
    this.place = place
    this.lines = new ByteBuffer(bytes)
    this.#ends = new Uint32Array(records)
    this.#indexes = new Uint32Array(records)
    this.#sizes = new Uint32Array(records)
  }

  get count(): number {
    return this.#count
  }

  get bytes(): Uint8Array {
    return this.lines.bytes.subarray(0, this.lines.length)
  }

  /** Of the lines, and of the messages kept with them. */
  get sizeBytes(): number {
    return this.lines.length + this.#valuesLength
  }

  endOf(line: number): number {
    return this.#ends[line] as number
  }

  /** Closes the line that was appended to `lines`; it was made of `ack`'s message number `index`. `value` is copied where needed. */
  add(ack: Ack, index: number, value: Uint8Array): void {
    this.#addSized(ack, index, value.length)
    if (this.#keepsValues) this.#keep(value)
  }

  #addSized(ack: Ack, index: number, sizeBytes: number): void {
    const line = this.#count
    if (line === this.#ends.length) this.#grow()
    this.#ends[line] = this.lines.length
    this.#indexes[line] = index
    this.#sizes[line] = sizeBytes
    if (ack !== this.#latest) {
      this.#latest = ack
      this.#acks.push(ack)
      this.#runs.push(line)
    }
    this.#count = line + 1
  }

  /** All but `unstored` (in the order of the lines) are stored. */
  settleWritten(unstored: readonly RefusedRecord[]): void {
    let from = 0
    for (const { record: line } of unstored) {
      this.#settle('written', from, line)
      from = line + 1
    }
    this.#settle('written', from, this.#count)
  }

  /**
   * The dead letters of what `output` has `refused` (in the order of the lines), with what to settle once they are kept: none of it refers to the
   * batch. Those of deliveries that nobody waits for any more are left out: their messages come again.
   */
  undeliverable(refused: readonly RefusedRecord[], output: string): Undeliverable[] {
    const dead: Undeliverable[] = []
    let valueAt = 0
    let line = 0
    for (const { record: refusedLine, reason } of refused) {
      for (; line < refusedLine; line++) valueAt += this.#sizes[line] as number
      const ack = this.#acks[this.#runOf(line)] as Ack
      if (!ack.isOpen) continue
      const sizeBytes = this.#sizes[line] as number
      const value = this.#values.subarray(valueAt, valueAt + sizeBytes)
      dead.push({
        ...undeliverable('refused', reason, output, ack, this.#indexes[line] as number, value, this.#keepsValues),
        sizeBytes,
      })
    }
    return dead
  }

  /** Takes in copies of some records of another batch, in their order. Those that nobody waits for any more are left out. Returns how many it took. */
  copy(other: Batch, numbers: readonly number[]): number {
    const before = this.#count
    let valueAt = 0
    let line = 0
    for (const number of numbers) {
      for (; line < number; line++) valueAt += other.#sizes[line] as number
      const ack = other.#acks[other.#runOf(number)] as Ack
      if (!ack.isOpen) continue
      const start = number === 0 ? 0 : other.endOf(number - 1)
      const end = other.endOf(number)
      this.lines.reserve(end - start)
      other.lines.bytes.copy(this.lines.bytes, this.lines.length, start, end)
      this.lines.length += end - start
      const sizeBytes = other.#sizes[number] as number
      this.#addSized(ack, other.#indexes[number] as number, sizeBytes)
      if (this.#keepsValues) this.#keep(other.#values.subarray(valueAt, valueAt + sizeBytes))
    }
    return this.#count - before
  }

  /** Empties it for the next lines. */
  reset(): void {
    this.#count = 0
    this.#acks.length = 0
    this.#runs.length = 0
    this.#latest = undefined
    this.#valuesLength = 0
    this.lines.length = 0
    if (this.lines.bytes.length > LARGEST_KEPT_BYTES) this.lines = new ByteBuffer(64 * 1024)
    if (this.#values.length > LARGEST_KEPT_BYTES) this.#values = Buffer.alloc(0)
  }

  #settle(fate: Fate, from: number, to: number): void {
    if (from >= to) return
    let run = this.#runOf(from)
    let line = from
    while (line < to) {
      const runEnd = Math.min(to, this.#runs[run + 1] ?? to)
      const ack = this.#acks[run] as Ack
      while (line < runEnd) {
        const index = this.#indexes[line] as number
        const start = line
        while (++line < runEnd && this.#indexes[line] === index + line - start);
        ack.settle(fate, index, line - start)
      }
      run++
    }
  }

  /** The run that holds `line`. */
  #runOf(line: number): number {
    let low = 0
    let high = this.#runs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#runs[middle] as number) <= line) low = middle
      else high = middle - 1
    }
    return low
  }

  #keep(value: Uint8Array): void {
    const end = this.#valuesLength + value.length
    if (end > this.#values.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#values.length, 64 * 1024))
      this.#values.copy(larger, 0, 0, this.#valuesLength)
      this.#values = larger
    }
    this.#values.set(value, this.#valuesLength)
    this.#valuesLength = end
  }

  #grow(): void {
    this.#ends = doubled(this.#ends)
    this.#indexes = doubled(this.#indexes)
    this.#sizes = doubled(this.#sizes)
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * array.length)
  larger.set(array)
  return larger
}
