import type { Message } from '../../flow/contracts.ts'
import { type Header, isEventId } from '../../flow/event-source.ts'
import { EVENT_ID_HEADER } from '../../kafka/headers.ts'
import { behindVarint, varint, varlong } from '../../kafka/varint.ts'

/** What Buffer's own methods make views with. Given the memory itself it takes half the time of `subarray`, which asks for that in C++. */
const { [Symbol.species]: View } = Buffer as unknown as {
  readonly [Symbol.species]: new (memory: ArrayBufferLike, start: number, length: number) => Buffer
}

/** Why a record batch cannot be read, in words. */
export class UnreadableBatch extends Error {}

/** What the times of a batch's records are counted from; that of all of them where the broker has set it. */
export interface RecordTimes {
  readonly baseMs: number
  readonly isAppendTime: boolean
}

const NO_TIMES: RecordTimes = { baseMs: -1, isAppendTime: true }

/** Reads records one behind the other. Of a record only the offset, the time and the value matter here; the value is a view. */
export class Records {
  readonly #bytes: Buffer
  readonly #memory: ArrayBufferLike
  readonly #start: number
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
    this.#memory = bytes.buffer
    this.#start = bytes.byteOffset
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
    const offset = this.#offset
    const value = this.#valueLength < 0 ? null : new View(this.#memory, this.#start + this.#valueAt, this.#valueLength)
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
