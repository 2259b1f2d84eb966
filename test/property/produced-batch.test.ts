import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { expect, it } from 'vitest'
import { RecordBatch } from '../../src/inputs/kafka/record-batch.ts'
import { registerCodecs } from '../../src/kafka/codecs.ts'
import { putVarint, varintBytes } from '../../src/kafka/varint.ts'
import { recordBatch, recordBytes } from '../../src/outputs/kafka/produced-batch.ts'
import type { Outgoing } from '../../src/outputs/kafka/record.ts'
import { decodedByKafkajs } from '../support/record-batches.ts'

registerCodecs()
const { GZIP, LZ4, None, Snappy } = kafkajs.CompressionTypes

interface Message {
  readonly key: Buffer | null
  readonly value: Buffer
  readonly headers: readonly (readonly [string, Buffer])[]
  readonly ms: number
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const message: fc.Arbitrary<Message> = fc.record({
  key: fc.option(bytes(200), { nil: null }),
  value: bytes(2000),
  headers: fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 80 }), bytes(200)), { maxLength: 6, selector: ([key]) => key }),
  ms: fc.oneof(fc.nat(), fc.integer({ min: 0, max: 9_223_372_036_854 })),
})

/** As the output's encoder lays them out, but with something else between them. */
function laidOut(messages: readonly Message[]): Outgoing {
  const parts: Buffer[] = []
  let at = 0
  const put = (part: Buffer) => {
    parts.push(part)
    at += part.length
    return at - part.length
  }
  const outgoing = messages.map(({ key, value, headers, ms }) => {
    put(Buffer.from('in between'))
    const keyAt = put(key ?? Buffer.alloc(0))
    const texts = headers.flatMap(([name, text]) => [varint(Buffer.byteLength(name)), Buffer.from(name), varint(text.length), text])
    const headersAt = put(Buffer.concat([varint(headers.length), ...texts]))
    const valueAt = put(value)
    return { topic: 'any', ms, keyAt, keyLength: key?.length ?? -1, headersAt, valueAt, end: at }
  })
  return { bytes: Buffer.concat(parts), messages: outgoing }
}

function varint(value: number): Buffer {
  const buffer = Buffer.alloc(10)
  return buffer.subarray(0, putVarint(buffer, 0, value))
}

it('a record batch that is written is read by kafkajs and by the input as the messages that it was made of, whatever the compression', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(None, GZIP, Snappy, LZ4),
      async (messages, codec) => {
        const all = laidOut(messages)
        const numbers = messages.map((_, number) => number).filter((number) => number % 3 !== 1)
        const wanted = numbers.map((number) => messages[number] as Message)
        const written = await recordBatch(all, numbers, codec)
        const read = await decodedByKafkajs(written)
        expect(read.map(({ key, value, timestamp }) => ({ key, value, ms: Number(timestamp) }))).toEqual(
          wanted.map(({ key, value, ms }) => ({ key, value, ms })),
        )
        const records = new RecordBatch(written).records()
        for (const { value, headers } of wanted) {
          const { headers: found = [], value: same } = records.next() ?? {}
          expect(same).toEqual(value)
          expect(found).toEqual(headers.map(([key, text]) => ({ key, value: text })))
        }
        expect(records.next()).toBeUndefined()
      },
    ),
  )
})

it('a varint is as long as was said, and a record no longer than is reckoned with', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), message, async (number, one) => {
      expect(varint(number).length).toBe(varintBytes(number))
      const all = laidOut([one])
      expect((await recordBatch(all, [0], None)).length - 61).toBeLessThanOrEqual(recordBytes(all.messages[0] as Outgoing['messages'][0]))
    }),
  )
})
