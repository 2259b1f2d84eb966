import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'
import { decompress } from '../lib/kafka-codecs.ts'
import type { Message } from '../types.ts'

const { KafkaJSNonRetriableError } = kafkajs

/** Kafka's record batch, version 2 of the format: where its fields are. Numbers are big-endian. */
const LENGTH_AT = 8
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const PRODUCER_ID_AT = 43
const COUNT_AT = 57
const RECORDS_AT = 61
/** What the length does not count: base offset and length. */
const LENGTH_FROM = 12

const MAGIC = 2
const CODEC = 0x07
const IN_TRANSACTION = 0x10
const IS_CONTROL = 0x20

/**
 * A record batch as it came from Kafka, which kafkajs takes for a message: the one at the batch's last offset. So kafkajs
 * leaves out what was aborted, by producer, and counts on correctly, and its records are decompressed and read here, when
 * their turn comes.
 */
export class RecordBatch {
  readonly #bytes: Buffer
  readonly baseOffset: number
  /** What kafkajs looks at: the last offset, in decimal, and the rest of a message. */
  readonly offset: string
  readonly key = null
  readonly value = null
  readonly isControlRecord = false
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.baseOffset = Number(bytes.readBigInt64BE(0))
    this.offset = String(this.baseOffset + bytes.readInt32BE(LAST_OFFSET_DELTA_AT))
    this.batchContext = {
      producerId: String(bytes.readBigInt64BE(PRODUCER_ID_AT)),
      inTransaction: (bytes.readInt16BE(ATTRIBUTES_AT) & IN_TRANSACTION) !== 0,
    }
  }

  /** Kafka's number for how the records are compressed; 0 is not at all. */
  get codec(): number {
    return this.#bytes.readInt16BE(ATTRIBUTES_AT) & CODEC
  }

  /** The records as they are stored. */
  get stored(): Buffer {
    return this.#bytes.subarray(RECORDS_AT)
  }

  /** Throws, with a reason in words, where they cannot be decompressed. */
  records(): Records {
    const { codec, stored } = this
    return new Records(codec === 0 ? stored : decompress(codec, stored), this.#bytes.readInt32BE(COUNT_AT), this.baseOffset)
  }
}

/** Reads records one behind the other. Of a record only the offset and the value matter here; the value is a view. */
export class Records {
  readonly #bytes: Buffer
  readonly #baseOffset: number
  #at = 0
  #left: number

  constructor(bytes: Buffer, count: number, baseOffset: number) {
    this.#bytes = bytes
    this.#left = count
    this.#baseOffset = baseOffset
  }

  /** Undefined behind the last. Throws where the bytes are no records. */
  next(): Message | undefined {
    if (this.#left === 0) return undefined
    this.#left--
    const bytes = this.#bytes
    const length = varint(bytes, this.#at)
    let at = behindVarint(bytes, this.#at)
    const end = at + length
    if (!(length >= 0 && end <= bytes.length)) throw this.#damaged()
    at = behindVarint(bytes, at + 1)
    const offset = this.#baseOffset + varint(bytes, at)
    at = behindVarint(bytes, at)
    const keyLength = varint(bytes, at)
    at = behindVarint(bytes, at) + Math.max(0, keyLength)
    const valueLength = varint(bytes, at)
    at = behindVarint(bytes, at)
    if (!(at + valueLength <= end)) throw this.#damaged()
    this.#at = end
    return { offset, value: valueLength < 0 ? null : bytes.subarray(at, at + valueLength) }
  }

  #damaged(): Error {
    const text = `a record batch at offset ${this.#baseOffset} is damaged: at byte ${this.#at} of ${this.#bytes.length} there is no record`
    return new KafkaJSNonRetriableError(text)
  }
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

function behindVarint(bytes: Uint8Array, start: number): number {
  let at = start
  while ((bytes[at] as number) >= 0x80) at++
  return at + 1
}

/** kafkajs's reader of a response, as far as it matters here. */
interface FetchDecoder {
  readonly buffer: Buffer
  readonly offset: number
  forward(bytes: number): void
}

type DecodeRecordBatch = (decoder: FetchDecoder) => unknown

const DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder.js'

/**
 * Has kafkajs hand over record batches as they are, in this whole process. Of each record it makes a dozen objects and five
 * BigInts, which was a third of the worker's CPU, keeps the objects of whole responses, and overflows the stack with some
 * 125,000 records in a batch. No option avoids that, so the module that decodes a batch is replaced before the first response
 * is read. Control records and formats older than 0.11 are left to the original.
 */
export function keepRecordBatchesWhole(): void {
  const require = createRequire(import.meta.url)
  const original = require(DECODER) as DecodeRecordBatch
  const module = require.cache[require.resolve(DECODER)]
  if (module === undefined || replaced.has(original)) return
  const decode: DecodeRecordBatch = (decoder) => {
    const batch = wholeBatch(decoder)
    return batch === undefined ? original(decoder) : { records: [batch] }
  }
  replaced.add(decode)
  module.exports = decode
}

const replaced = new WeakSet<DecodeRecordBatch>()

/** Most responses end in the middle of a batch, and kafkajs knows that by this name. */
const CUT_OFF = Object.assign(new Error('the response ends in the middle of a record batch'), { name: 'KafkaJSPartialMessageError' })

function wholeBatch(decoder: FetchDecoder): RecordBatch | undefined {
  const { buffer, offset } = decoder
  const size = LENGTH_FROM + buffer.readInt32BE(offset + LENGTH_AT)
  if (offset + size > buffer.length) throw CUT_OFF
  if (size < RECORDS_AT || buffer[offset + MAGIC_AT] !== MAGIC) return undefined
  const isControl = (buffer.readInt16BE(offset + ATTRIBUTES_AT) & IS_CONTROL) !== 0
  if (isControl && buffer.readInt32BE(offset + COUNT_AT) > 0) return undefined
  decoder.forward(size)
  return new RecordBatch(buffer.subarray(offset, offset + size))
}
