import { CODEC_NAMES, decompress } from '../../kafka/codecs.ts'
import {
  ATTRIBUTES_AT,
  BASE_TIMESTAMP_AT,
  COUNT_AT,
  LAST_OFFSET_DELTA_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_ID_AT,
  RECORDS_AT,
} from '../../kafka/record-format.ts'
import { behindVarint, varint } from '../../kafka/varint.ts'
import { toError } from '../../lib/errors.ts'
import { Records, type RecordTimes, UnreadableBatch } from './records.ts'

export const CODEC = 0x07
/** All records have the time at which the broker appended the batch. */
const HAS_APPEND_TIME = 0x08
const IN_TRANSACTION = 0x10
const IS_CONTROL = 0x20
/** The type of a control record, in its key behind a version of two bytes. */
const ABORT = 0

/**
 * What kafkajs is told for an offset: a greater one than there is. Where an answer begins and ends, what of it was asked for and
 * what can be believed is told by our own reading; kafkajs would leave out what it thinks was not asked for, and go on behind it.
 */
export const BEYOND_ALL = '9223372036854775807'

/** A record batch as it came from Kafka, its checksum right, which kafkajs takes for a message. Its records are decompressed and read when their turn comes. */
export class RecordBatch {
  readonly #bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  /** How many offsets it takes, whether or not each has a message. */
  readonly offsets: number
  readonly producerId: string
  readonly inTransaction: boolean
  /** The end of a transaction, and no message. */
  readonly isControl: boolean
  /** No message of it is wanted: control records, or of a transaction that was aborted. */
  isLeftOut: boolean
  #isChecked = false
  /** What kafkajs looks at. */
  readonly offset = BEYOND_ALL
  readonly isControlRecord = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.baseOffset = Number(bytes.readBigInt64BE(0))
    this.offsets = Math.max(0, bytes.readInt32BE(LAST_OFFSET_DELTA_AT)) + 1
    this.lastOffset = this.baseOffset + this.offsets - 1
    const attributes = bytes.readInt16BE(ATTRIBUTES_AT)
    this.producerId = String(bytes.readBigInt64BE(PRODUCER_ID_AT))
    this.inTransaction = (attributes & IN_TRANSACTION) !== 0
    this.isControl = (attributes & IS_CONTROL) !== 0
    this.isLeftOut = this.isControl
  }

  get isAbortMarker(): boolean {
    if (!this.isControl || this.isCompressed) return false
    const bytes = this.#bytes
    let at = behindVarint(bytes, RECORDS_AT) + 1
    for (let field = 0; field < 2; field++) at = behindVarint(bytes, at)
    const keyLength = varint(bytes, at)
    at = behindVarint(bytes, at)
    return keyLength >= 4 && at + keyLength <= bytes.length && bytes.readInt16BE(at + 2) === ABORT
  }

  /** Its messages: as many as its header says, but no more than it has offsets; a header that says none is not believed. */
  get count(): number {
    const count = this.#bytes.readInt32BE(COUNT_AT)
    return count > 0 ? Math.min(count, this.offsets) : this.offsets
  }

  get isCompressed(): boolean {
    return this.#codec !== 0
  }

  /** Kafka's name for how the records are compressed; its number where that has none. */
  get codec(): string {
    return CODEC_NAMES[this.#codec] ?? String(this.#codec)
  }

  /** The records as they are stored, compressed where it is. */
  get stored(): Buffer {
    return this.#bytes.subarray(RECORDS_AT)
  }

  /** All of them can be read, or it throws {@link UnreadableBatch}. */
  records(): Records {
    const records = new Records(this.#decompressed(), this.#bytes.readInt32BE(COUNT_AT), this.baseOffset, this.#times)
    if (!this.#isChecked) records.check(this.lastOffset)
    return records
  }

  /**
   * Does now what {@link records} would do before it gives the first one, unless that takes decompressing: right behind the checksum the
   * batch is in the processor's cache. What is wrong with it is {@link records}' to say.
   */
  checkAhead(): void {
    if (this.isCompressed || this.isLeftOut) return
    try {
      this.records()
      this.#isChecked = true
    } catch (error) {
      if (!(error instanceof UnreadableBatch)) throw error
    }
  }

  get #times(): RecordTimes {
    const bytes = this.#bytes
    const isAppendTime = (bytes.readInt16BE(ATTRIBUTES_AT) & HAS_APPEND_TIME) !== 0
    return { baseMs: Number(bytes.readBigInt64BE(isAppendTime ? MAX_TIMESTAMP_AT : BASE_TIMESTAMP_AT)), isAppendTime }
  }

  get #codec(): number {
    return this.#bytes.readInt16BE(ATTRIBUTES_AT) & CODEC
  }

  #decompressed(): Buffer {
    if (!this.isCompressed) return this.stored
    try {
      return decompress(this.#codec, this.stored)
    } catch (error) {
      throw new UnreadableBatch(toError(error).message, { cause: error })
    }
  }
}
