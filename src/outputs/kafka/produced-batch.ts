import { crc32c } from '@node-rs/crc32'
import { compress } from '../../kafka/codecs.ts'
import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  COUNT_AT,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LENGTH_AT,
  LENGTH_FROM,
  MAGIC,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORDS_AT,
} from '../../kafka/record-format.ts'
import { putVarint, varintBytes } from '../../kafka/varint.ts'
import type { Outgoing, OutgoingMessage } from './record.ts'

/** The most that a record has beside key, value and headers: attributes, and six numbers of which one may have 53 bits. */
const MOST_RECORD_BYTES = 1 + 8 + 5 * 5

/** What a message has about a record's size in a batch, in bytes. */
export function recordBytes({ keyAt, end }: OutgoingMessage): number {
  return end - keyAt + MOST_RECORD_BYTES
}

/** The messages with these `numbers`, in this order, as one record batch of Kafka's; `codec` is Kafka's number for the compression. */
export async function recordBatch({ bytes, messages }: Outgoing, numbers: readonly number[], codec: number): Promise<Buffer> {
  let most = RECORDS_AT
  for (const number of numbers) most += recordBytes(messages[number] as OutgoingMessage)
  const batch = Buffer.allocUnsafeSlow(most)
  const baseMs = messages[numbers[0] as number]?.ms ?? 0
  let maxMs = baseMs
  let at = RECORDS_AT
  for (const [delta, number] of numbers.entries()) {
    const message = messages[number] as OutgoingMessage
    if (message.ms > maxMs) maxMs = message.ms
    at = putRecord(bytes, message, delta, message.ms - baseMs, batch, at)
  }
  const whole = codec === 0 ? batch.subarray(0, at) : await withCompressed(codec, batch, at)
  putHeader(whole, { codec, count: numbers.length, baseMs, maxMs })
  return whole
}

function putRecord(from: Buffer, message: OutgoingMessage, offsetDelta: number, msDelta: number, batch: Buffer, start: number): number {
  const { keyAt, keyLength, headersAt, valueAt, end } = message
  const valueLength = end - valueAt
  const length = 1 + varintBytes(msDelta) + varintBytes(offsetDelta) + varintBytes(keyLength) + varintBytes(valueLength) + (end - keyAt)
  let at = putVarint(batch, start, length)
  batch[at++] = 0
  at = putVarint(batch, at, msDelta)
  at = putVarint(batch, at, offsetDelta)
  at = putVarint(batch, at, keyLength)
  at += from.copy(batch, at, keyAt, headersAt)
  at = putVarint(batch, at, valueLength)
  at += from.copy(batch, at, valueAt, end)
  return at + from.copy(batch, at, headersAt, valueAt)
}

async function withCompressed(codec: number, batch: Buffer, end: number): Promise<Buffer> {
  return Buffer.concat([batch.subarray(0, RECORDS_AT), await compress(codec, batch.subarray(RECORDS_AT, end))])
}

interface Header {
  readonly codec: number
  readonly count: number
  readonly baseMs: number
  readonly maxMs: number
}

/** The broker numbers the records; no producer id, so no transaction and no sequence. */
function putHeader(batch: Buffer, { codec, count, baseMs, maxMs }: Header): void {
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - LENGTH_FROM, LENGTH_AT)
  batch.writeInt32BE(-1, LEADER_EPOCH_AT)
  batch.writeInt8(MAGIC, MAGIC_AT)
  batch.writeInt16BE(codec, ATTRIBUTES_AT)
  batch.writeInt32BE(count - 1, LAST_OFFSET_DELTA_AT)
  batch.writeBigInt64BE(BigInt(baseMs), BASE_TIMESTAMP_AT)
  batch.writeBigInt64BE(BigInt(maxMs), MAX_TIMESTAMP_AT)
  batch.writeBigInt64BE(-1n, PRODUCER_ID_AT)
  batch.writeInt16BE(-1, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(-1, BASE_SEQUENCE_AT)
  batch.writeInt32BE(count, COUNT_AT)
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT)
}
