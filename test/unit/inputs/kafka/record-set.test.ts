import { createRequire } from 'node:module'
import { crc32c } from '@node-rs/crc32'
import type { KafkaMessage } from 'kafkajs'
import { expect, test } from 'vitest'
import { DamagedBytes } from '../../../../src/inputs/kafka/damaged-bytes.ts'
import { RecordBatch } from '../../../../src/inputs/kafka/record-batch.ts'
import { type Fetched, readRecordSet } from '../../../../src/inputs/kafka/record-set.ts'
import { UnreadableBatch } from '../../../../src/inputs/kafka/records.ts'
import { recordBatchBytes } from '../../../support/record-batches.ts'

/** Damage to any bit of record batches is in test/property/damaged-answers.test.ts. */
const require = createRequire(import.meta.url)
const encodeMessage = [0, 1].map((version) => require(`kafkajs/src/protocol/message/v${version}/index.js`))

/** A message as brokers had it before record batches. */
function oldMessage(format: 0 | 1, offset: number, value: string): Buffer {
  const { buffer } = encodeMessage[format]({ key: null, value: Buffer.from(value), timestamp: 1, compression: 0 })
  const head = Buffer.alloc(12)
  head.writeBigInt64BE(BigInt(offset))
  head.writeInt32BE(buffer.length, 8)
  return Buffer.concat([head, buffer])
}

const summary = (fetched: readonly Fetched[]) =>
  fetched.map((item) => {
    if (item instanceof DamagedBytes) return item.problem
    if (item instanceof RecordBatch) return item.baseOffset
    const { offset, value } = item as KafkaMessage
    return `${offset} ${value}`
  })
const read = async (...parts: readonly Buffer[]) => summary(await readRecordSet(Buffer.concat(parts)))

function without(bytes: Buffer, at: number, change: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] as number) ^ change
  return changed
}

test('formats older than record batches are read, also where they change within an answer', async () => {
  const batch = await recordBatchBytes(2, ['c'])
  expect(await read(oldMessage(0, 0, 'a'), oldMessage(1, 1, 'b'), batch, oldMessage(1, 3, 'd'))).toEqual(['0 a', '1 b', 2, '3 d'])
})

test('an old message whose checksum is wrong is no message, and what is behind it is read', async () => {
  const damaged = without(oldMessage(1, 1, 'bbb'), 36, 1)
  const problem = 'its bytes do not have the checksum that its header says'
  expect(await read(oldMessage(1, 0, 'a'), damaged, oldMessage(1, 2, 'c'))).toEqual(['0 a', problem, '2 c'])
})

test('a record batch that says it is an old message is none', async () => {
  const [first, second] = [await recordBatchBytes(0, ['a']), await recordBatchBytes(1, ['b'])]
  expect(await read(without(first, 16, 2), second)).toEqual(['its bytes do not have the checksum that its header says', 1])
})

test('what Kafka cut off at the end is left out, but for what is alone', async () => {
  const [first, second] = [await recordBatchBytes(0, ['a']), await recordBatchBytes(1, ['b'])]
  for (const length of [1, 11, 12, 16, 17, 60, second.length - 1]) {
    expect(await read(first, second.subarray(0, length))).toEqual([0])
    expect(await readRecordSet(second.subarray(0, length))).toEqual([expect.any(DamagedBytes)])
  }
})

test('a length of two gigabytes costs no memory, and the batch behind it is found', async () => {
  const [first, second] = [await recordBatchBytes(0, ['a']), await recordBatchBytes(1, ['b'])]
  first.writeInt32BE(2 ** 31 - 1, 8)
  const before = process.memoryUsage().arrayBuffers
  expect(await read(first, second)).toEqual([
    `its header says that it has 2147483647 bytes, of which only ${first.length + second.length - 12} came`,
    1,
  ])
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
})

test('bytes that look like many batches are not read again and again', async () => {
  const size = 400_000
  const lookalikes = Buffer.alloc(size)
  // Each says that it reaches to the end, and none has a checksum that is right.
  for (let at = 0; at + 61 < size; at += 20) {
    lookalikes.writeInt32BE(size - at - 12, at + 8)
    lookalikes[at + 16] = 2
  }
  const sound = await recordBatchBytes(1, ['b'])
  expect((await read(lookalikes, sound))[0]).toBe('its bytes do not have the checksum that its header says')
})

test('a batch with the right checksum whose records cannot be read is a whole one, which says so each time it is opened', async () => {
  const bytes = await recordBatchBytes(0, ['a', 'b'])
  bytes.writeInt32BE(3, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  const [batch, next] = (await readRecordSet(Buffer.concat([bytes, await recordBatchBytes(2, ['c'])]))) as RecordBatch[]
  for (let time = 1; time <= 2; time++) expect(() => batch?.records()).toThrow(UnreadableBatch)
  expect(String(next?.records().next()?.value)).toBe('c')
})
