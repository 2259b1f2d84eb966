import type { Message } from '../../flow/contracts.ts'
import { type Header, isEventId } from '../../flow/event-source.ts'
import { CODEC_NAMES, decompress } from '../../kafka/codecs.ts'
import { EVENT_ID_HEADER } from '../../kafka/headers.ts'
import {
  ATTRIBUTES_AT,
  BASE_TIMESTAMP_AT,
  COUNT_AT,
  LAST_OFFSET_DELTA_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_ID_AT,
  RECORDS_AT,
} from '../../kafka/record-format.ts'
import { toError } from '../../lib/errors.ts'

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

/** Why a record batch cannot be read, in words. */
export class UnreadableBatch extends Error {}

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
    records.check(this.lastOffset)
    return records
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

/** What the times of a batch's records are counted from; that of all of them where the broker has set it. */
interface RecordTimes {
  readonly baseMs: number
  readonly isAppendTime: boolean
}

const NO_TIMES: RecordTimes = { baseMs: -1, isAppendTime: true }

/** Reads records one behind the other. Of a record only the offset, the time and the value matter here; the value is a view. */
export class Records {
  readonly #bytes: Buffer
  readonly #baseOffset: number
  readonly #count: number
  #at = 0
  #left: number
  readonly #times: RecordTimes
  /** Of the record read last: its offset, and where its time and its value are; a length below 0 is no value. */
  #offset = 0
  #timeDeltaAt = 0
  #valueAt = 0
  #valueLength = 0

  constructor(bytes: Buffer, count: number, baseOffset: number, times = NO_TIMES) {
    this.#bytes = bytes
    this.#count = count
    this.#left = count
    this.#baseOffset = baseOffset
    this.#times = times
  }

  /** Of the record that {@link next} gave last, in ms since 1970; below 0 where it has none. */
  get timeMs(): number {
    const { baseMs, isAppendTime } = this.#times
    return isAppendTime || baseMs < 0 ? baseMs : baseMs + varlong(this.#bytes, this.#timeDeltaAt)
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  /**
   * Throws {@link UnreadableBatch} unless the bytes are just as many records as there should be, with ascending offsets up to
   * `lastOffset` at most. To be called before the first is read.
   */
  check(lastOffset: number): void {
    if (this.#count < 0) throw new UnreadableBatch(`its header counts ${this.#count} records`)
    for (let before = this.#baseOffset - 1; this.#left > 0; before = this.#offset) {
      const start = this.#at
      this.#read()
      if (this.#offset > before && this.#offset <= lastOffset) continue
      throw new UnreadableBatch(`at byte ${start} there is a record of offset ${this.#offset}, of ${before + 1} to ${lastOffset}`)
    }
    const { length } = this.#bytes
    if (this.#at !== length) {
      throw new UnreadableBatch(`its header counts ${this.#count} records, which end at byte ${this.#at} of ${length}`)
    }
    this.#at = 0
    this.#left = this.#count
  }

  /** Undefined behind the last. */
  next(): Message | undefined {
    if (this.#left === 0) return undefined
    this.#read()
    const start = this.#valueAt
    const offset = this.#offset
    const value = this.#valueLength < 0 ? null : this.#bytes.subarray(start, start + this.#valueLength)
    const headers = this.#headers()
    if (headers === undefined) return { offset, value }
    const eventId = eventIdOf(headers)
    return eventId === undefined ? { offset, value, headers } : { offset, value, headers, eventId }
  }

  #read(): void {
    this.#left--
    const bytes = this.#bytes
    const length = varint(bytes, this.#at)
    let at = behindVarint(bytes, this.#at)
    const end = at + length
    if (!(length >= 0 && end <= bytes.length)) throw this.#damaged()
    this.#timeDeltaAt = at + 1
    at = behindVarint(bytes, at + 1)
    this.#offset = this.#baseOffset + varint(bytes, at)
    at = behindVarint(bytes, at)
    const keyLength = varint(bytes, at)
    at = behindVarint(bytes, at) + Math.max(0, keyLength)
    this.#valueLength = varint(bytes, at)
    this.#valueAt = at = behindVarint(bytes, at)
    if (!(at + this.#valueLength <= end)) throw this.#damaged()
    this.#at = end
  }

  /** Copies, which hardly any record has. Undefined where there are none, or what is there are none. */
  #headers(): readonly Header[] | undefined {
    const bytes = this.#bytes
    let at = this.#valueAt + Math.max(0, this.#valueLength)
    const count = at < this.#at ? varint(bytes, at) : 0
    if (count <= 0) return undefined
    at = behindVarint(bytes, at)
    const headers: Header[] = []
    for (let header = 0; header < count && at < this.#at; header++) {
      const keyLength = varint(bytes, at)
      const keyAt = behindVarint(bytes, at)
      const valueAt = behindVarint(bytes, keyAt + keyLength)
      const valueLength = varint(bytes, keyAt + keyLength)
      const end = valueAt + Math.max(0, valueLength)
      if (!(keyLength >= 0 && end <= this.#at)) return undefined
      const value = valueLength < 0 ? null : Buffer.from(bytes.subarray(valueAt, end))
      headers.push({ key: bytes.toString('utf8', keyAt, keyAt + keyLength), value })
      at = end
    }
    return headers
  }

  #damaged(): Error {
    return new UnreadableBatch(`at byte ${this.#at} of ${this.#bytes.length} there is no record`)
  }
}

function eventIdOf(headers: readonly Header[]): string | undefined {
  const text = headers.find(({ key }) => key === EVENT_ID_HEADER)?.value?.toString('latin1')
  return text !== undefined && isEventId(text) ? text : undefined
}

/** 32 bits, seven to a byte, the lowest first; the lowest bit of all is the sign. */
function varint(bytes: Uint8Array, start: number): number {
  let byte = bytes[start] as number
  let value = byte & 0x7f
  for (let at = start + 1, shift = 7; byte >= 0x80; at++, shift += 7) {
    byte = bytes[at] as number
    value |= (byte & 0x7f) << shift
  }
  return (value >>> 1) ^ -(value & 1)
}

/** As {@link varint}, of more bits: exact to 2^53. */
function varlong(bytes: Uint8Array, start: number): number {
  let byte = bytes[start] as number
  let value = byte & 0x7f
  for (let at = start + 1, unit = 0x80; byte >= 0x80; at++, unit *= 0x80) {
    byte = bytes[at] as number
    value += (byte & 0x7f) * unit
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function behindVarint(bytes: Uint8Array, start: number): number {
  let at = start
  while ((bytes[at] as number) >= 0x80) at++
  return at + 1
}
