import { CODEC_NAMES } from '../../kafka/codecs.ts'
import { ATTRIBUTES_AT, COUNT_AT, LAST_OFFSET_DELTA_AT, RECORDS_AT } from '../../kafka/record-format.ts'
import { BEYOND_ALL, CODEC } from './record-batch.ts'

/**
 * Where a record batch should begin and none does, whatever it is that is damaged: kafkajs takes it for a message. What its
 * header says is a hint and no more.
 */
export class DamagedBytes {
  readonly #bytes: Buffer
  /** What is wrong, in words. */
  readonly problem: string
  readonly offset = BEYOND_ALL
  readonly isControlRecord = false

  constructor(bytes: Buffer, problem: string) {
    this.#bytes = bytes
    this.problem = problem
  }

  /** Kafka's name for how the records are compressed, if what says so is not damaged. */
  get codec(): string {
    const codec = this.#hasHeader ? this.#bytes.readInt16BE(ATTRIBUTES_AT) & CODEC : 0
    return CODEC_NAMES[codec] ?? String(codec)
  }

  /** The records as they are stored, if this is a record batch; all of it where it is too short for one. */
  get stored(): Buffer {
    return this.#hasHeader ? this.#bytes.subarray(RECORDS_AT) : this.#bytes
  }

  /** How many messages there are in it, `most` at most: what the header says, if that can be. */
  count(most: number): number {
    const count = this.#hasHeader ? this.#bytes.readInt32BE(COUNT_AT) : 0
    return count > 0 ? Math.min(count, most) : most
  }

  /**
   * The offset of its last message, where nothing sound that follows tells: `from` at least, and before `end`. Two fields of the
   * header tell, and the one that tells less is believed: who goes on too early meets the rest of it again, who goes on too late
   * has lost what is between.
   */
  lastOffset(from: number, end: number): number {
    if (!this.#hasHeader) return from
    const base = Number(this.#bytes.readBigInt64BE(0))
    const begin = base >= 0 && base <= from ? base : from
    const deltas = [this.#bytes.readInt32BE(LAST_OFFSET_DELTA_AT), this.#bytes.readInt32BE(COUNT_AT) - 1]
    const possible = deltas.map((delta) => begin + delta).filter((last) => last >= from && last < end)
    return possible.length === 0 ? from : Math.min(...possible)
  }

  get #hasHeader(): boolean {
    return this.#bytes.length >= RECORDS_AT
  }
}
