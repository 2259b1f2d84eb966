import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import type { Delivery } from '../../src/flow/contracts.ts'
import { Records } from '../../src/inputs/kafka/records.ts'
import { zstdInJavaScript } from '../../src/kafka/codecs.ts'
import { closeReaders, Platform, Reader, settleAll, until } from './kafka-input-reader.ts'

let server: KafkaServer
let platform: Platform

beforeAll(async () => {
  server = await startKafka({ properties: { 'message.max.bytes': 3_000_000 } })
  platform = await Platform.connect(server.brokers)
})

afterAll(async () => {
  await closeReaders()
  await platform?.close()
  await server?.close()
})

/** The broker's own Java codec writes what is read here: the producer sends plain batches, the topic says how they are kept. */
async function keepAs(topic: string, compression: string, batches: readonly (readonly Buffer[])[]): Promise<void> {
  await platform.createTopic(topic, 1, { 'compression.type': compression })
  for (const batch of batches) await platform.producer.send({ topic, messages: batch.map((value) => ({ value })) })
}

async function readAll(topic: string, count: number): Promise<readonly string[]> {
  const hashes: string[] = []
  const take = (delivery: Delivery) => {
    for (const { value } of delivery.messages) hashes.push(hash(value ?? Buffer.alloc(0)))
    settleAll(delivery)
  }
  const reader = new Reader({ brokers: server.brokers, groupId: `read-${topic}`, topics: [topic], take })
  await until('all is read', () => hashes.length >= count)
  await reader.close()
  return hashes
}

const hash = (value: Buffer) => createHash('sha1').update(value).digest('hex')

const envelope = (i: number) =>
  Buffer.from(
    JSON.stringify({ origin: 'gorouter', eventType: 4, timestamp: 1_700_000_000_000_000_000 + i, job: `router-${i % 7}`, index: i }),
  )

const batches = [
  [Buffer.from('a single small message')],
  Array.from({ length: 15_000 }, (_, i) => envelope(i)),
  [randomBytes(900_000)],
  [Buffer.alloc(900_000, 'x'), randomBytes(1000), Buffer.alloc(1_500_000, 'abcd')],
  [Buffer.alloc(0), randomBytes(1)],
]

describe.each(['gzip', 'snappy', 'lz4', 'zstd'])('%s as Kafka writes it', (compression) => {
  it('is read byte for byte, in small batches and in those of many blocks', async () => {
    await keepAs(compression, compression, batches)
    const sent = batches.flat()
    expect(await readAll(compression, sent.length)).toEqual(sent.map(hash))
    const codecs = (await platform.fetch(compression, 0)).map(({ codec }) => codec)
    expect(new Set(codecs)).toEqual(new Set([compression]))
  })
})

it('is read by the zstd decoder in JavaScript too, whatever this Node has', async () => {
  const fetched = await platform.fetch('zstd', 0)
  const read = fetched.flatMap(({ stored, baseOffset, offsets }) => {
    const records = new Records(zstdInJavaScript(stored), offsets, baseOffset)
    return Array.from({ length: offsets }, () => hash(records.next()?.value ?? Buffer.alloc(0)))
  })
  expect(read.length).toBeGreaterThan(15_000)
  expect(read).toEqual(batches.flat().map(hash).slice(0, read.length))
})

it('takes a fetch response that would become gigabytes batch by batch, and misses nothing of it', async () => {
  const large = Array.from({ length: 60 }, (_, i) => [Buffer.concat([Buffer.from(`${i} `), Buffer.alloc(1_000_000, 'log line ')])])
  await keepAs('dense', 'zstd', large)
  expect(await readAll('dense', large.length)).toEqual(large.flat().map(hash))
})
