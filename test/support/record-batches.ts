import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import type { KafkaMessage } from 'kafkajs'
import { RecordBatch } from '../../src/inputs/kafka/record-batch.ts'

const require = createRequire(import.meta.url)
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const Long = require('kafkajs/src/utils/long.js')

const LENGTH_AT = 8
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const RECORDS_AT = 61
const GZIP = 1

export interface BatchShape {
  /** A bit of the last value is another than when the checksum was made. */
  readonly damage?: boolean
  readonly gzip?: boolean
}

/** A record batch as a broker has it, of values that follow one another from `baseOffset` on. */
export async function recordBatch(baseOffset: number, values: readonly string[], shape: BatchShape = {}): Promise<RecordBatch> {
  return new RecordBatch(await recordBatchBytes(baseOffset, values, shape))
}

export async function recordBatchBytes(baseOffset: number, values: readonly string[], { damage, gzip }: BatchShape = {}): Promise<Buffer> {
  const records = values.map((value, offsetDelta) =>
    encodeRecord({ offsetDelta, timestampDelta: Long.fromValue('0'), key: null, value, headers: {} }),
  )
  const options = { firstOffset: Long.fromValue(String(baseOffset)), lastOffsetDelta: values.length - 1, records }
  const { buffer } = (await encodeBatch(options)) as { readonly buffer: Buffer }
  const bytes = gzip ? gzipped(buffer) : Buffer.from(buffer)
  if (damage) bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1
  return bytes
}

function gzipped(batch: Buffer): Buffer {
  const bytes = Buffer.concat([batch.subarray(0, RECORDS_AT), gzipSync(batch.subarray(RECORDS_AT))])
  bytes.writeInt32BE(bytes.length - 12, LENGTH_AT)
  bytes.writeInt16BE(GZIP, ATTRIBUTES_AT)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_AT)), CRC_AT)
  return bytes
}

const Decoder = require('kafkajs/src/protocol/decoder.js')
const decodeBatch: (
  decoder: unknown,
) => Promise<{ readonly records: readonly KafkaMessage[] }> = require('kafkajs/src/protocol/recordBatch/v0/decoder.js')

/** The messages of a record batch as kafkajs reads them. */
export async function decodedByKafkajs(batch: Buffer): Promise<readonly KafkaMessage[]> {
  return (await decodeBatch(new Decoder(batch))).records
}
