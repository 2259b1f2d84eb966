import { createRequire } from 'node:module'
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DamagedBytes } from '../../src/inputs/kafka/damaged-bytes.ts'
import { RecordBatch } from '../../src/inputs/kafka/record-batch.ts'
import { readRecordSet } from '../../src/inputs/kafka/record-set.ts'
import { Records, UnreadableBatch } from '../../src/inputs/kafka/records.ts'

const require = createRequire(import.meta.url)
const kafkajs = 'kafkajs/src/protocol'

interface KafkajsRecord {
  readonly offset: string
  readonly value: Buffer | null
  readonly timestamp: string
}

type Decode = (decoder: unknown) => Promise<{ readonly records: readonly KafkajsRecord[] }>

const { RecordBatch: encodeBatch } = require(`${kafkajs}/recordBatch/v0/index.js`)
const encodeRecord = require(`${kafkajs}/recordBatch/record/v0/index.js`)
const Decoder = require(`${kafkajs}/decoder.js`)
const Long = require('kafkajs/src/utils/long.js')
const original: Decode = require(`${kafkajs}/recordBatch/v0/decoder.js`)

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const record = fc.record({
  gap: fc.integer({ min: 0, max: 70_000 }),
  timestampDelta: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
})
const anyBatch = fc.record({
  baseOffset: fc.integer({ min: 0, max: 2 ** 52 }),
  records: fc.array(record, { minLength: 1, maxLength: 40 }),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }),
  transactional: fc.boolean(),
  firstTimestamp: fc.bigInt({ min: 2n ** 40n, max: 2n ** 41n }),
  hasAppendTime: fc.boolean(),
})
type Batch = typeof anyBatch extends fc.Arbitrary<infer Value> ? Value : never
/** Behind the header. */
const RECORDS_AT = 61
const CHECKED_FROM = 21
const ATTRIBUTES_LOW_AT = 22
const CRC_AT = 17

async function encode(batch: Batch): Promise<Buffer> {
  const { baseOffset, records, producerId, transactional, firstTimestamp, hasAppendTime } = batch
  let delta = -1
  const encoded = records.map(({ gap, timestampDelta, key, value, headers }) => {
    delta += 1 + gap
    return encodeRecord({ offsetDelta: delta, timestampDelta: Long.fromValue(String(timestampDelta)), key, value, headers })
  })
  const { buffer } = await encodeBatch({
    firstOffset: Long.fromValue(String(baseOffset)),
    lastOffsetDelta: delta,
    producerId: Long.fromValue(String(producerId)),
    transactional,
    firstTimestamp: Number(firstTimestamp),
    maxTimestamp: Number(firstTimestamp) + 12_345,
    records: encoded,
  })
  if (hasAppendTime) {
    buffer[ATTRIBUTES_LOW_AT] |= 0x08
    buffer.writeUInt32BE(crc32c(buffer.subarray(CHECKED_FROM)), CRC_AT)
  }
  return buffer
}

function readAll(batch: RecordBatch) {
  const records = batch.records()
  const read = []
  for (let record = records.next(); record !== undefined; record = records.next()) read.push({ ...record, timeMs: records.timeMs })
  return read
}

test('a record batch has the offsets, times and values that kafkajs reads in it, and the same transaction', async () => {
  await fc.assert(
    fc.asyncProperty(anyBatch, async (batch) => {
      const buffer = await encode(batch)
      const { records, ...context } = await original(new Decoder(buffer))
      const whole = new RecordBatch(buffer)
      expect(readAll(whole).map(({ headers: _headers, ...rest }) => rest)).toEqual(
        records.map(({ offset, value, timestamp }) => ({ offset: Number(offset), value, timeMs: Number(timestamp) })),
      )
      expect(readAll(whole).map(({ headers = [] }) => headers.map(({ key, value }) => [key, String(value)]))).toEqual(
        batch.records.map(({ headers }) => Object.entries(headers).map(([key, value]) => [key, value.toWellFormed()])),
      )
      expect(whole.baseOffset).toBe(batch.baseOffset)
      expect(whole.lastOffset).toBe(Number(records.at(-1)?.offset))
      const { producerId, inTransaction, isControl } = whole
      expect(context).toMatchObject({ producerId, inTransaction, isControlBatch: isControl })
    }),
  )
})

const edit = fc.record({ at: fc.nat(999).map((thousandths) => thousandths / 1000), byte: fc.integer({ min: 0, max: 255 }) })

test('whatever byte behind the checksum is another, none of its records is read', async () => {
  await fc.assert(
    fc.asyncProperty(anyBatch, edit, async (batch, { at, byte }) => {
      const bytes = await encode(batch)
      const place = CHECKED_FROM + Math.floor(at * (bytes.length - CHECKED_FROM))
      fc.pre(bytes[place] !== byte)
      bytes[place] = byte
      expect(await readRecordSet(bytes)).toEqual([expect.any(DamagedBytes)])
    }),
    { numRuns: 500 },
  )
})

test('of damaged records that are checked either none or all are read, and never beyond their bytes', async () => {
  await fc.assert(
    fc.asyncProperty(anyBatch, fc.array(edit, { minLength: 1, maxLength: 3 }), async (batch, edits) => {
      const bytes = (await encode(batch)).subarray(RECORDS_AT)
      for (const { at, byte } of edits) bytes[Math.floor(at * bytes.length)] = byte
      const records = new Records(bytes, batch.records.length, batch.baseOffset)
      try {
        records.check(batch.baseOffset + batch.records.reduce((sum, { gap }) => sum + 1 + gap, -1))
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableBatch)
        return
      }
      for (const _ of batch.records) {
        const value = records.next()?.value
        expect(value === null || (value?.length ?? Number.NaN) <= bytes.length).toBe(true)
      }
      expect(records.next()).toBeUndefined()
    }),
    { numRuns: 1000 },
  )
})

test('records that are more or fewer than the header says are not read', async () => {
  await fc.assert(
    fc.asyncProperty(anyBatch, fc.integer({ min: -3, max: 3 }), async (batch, difference) => {
      fc.pre(difference !== 0)
      const bytes = (await encode(batch)).subarray(RECORDS_AT)
      const records = new Records(bytes, batch.records.length + difference, batch.baseOffset)
      expect(() => records.check(Number.MAX_SAFE_INTEGER)).toThrow(UnreadableBatch)
    }),
  )
})

test('a value that would reach into the next record is damage, and no value', () => {
  const record = (valueLength: number, offset: number) => Buffer.from([16, 0, 0, 2 * offset, 1, 2 * valueLength, 0x61, 0x62, 0])
  expect(new Records(Buffer.concat([record(2, 0), record(2, 1)]), 2, 7).next()).toEqual({ offset: 7, value: Buffer.from('ab') })
  expect(() => new Records(Buffer.concat([record(5, 0), record(2, 1)]), 2, 7).check(8)).toThrow('at byte 0 of 18 there is no record')
})

test('offsets that do not ascend are damage', () => {
  const record = (offset: number) => Buffer.from([16, 0, 0, 2 * offset, 1, 4, 0x61, 0x62, 0])
  expect(() => new Records(Buffer.concat([record(1), record(1)]), 2, 7).check(9)).toThrow(
    'at byte 9 there is a record of offset 8, of 9 to 9',
  )
})
