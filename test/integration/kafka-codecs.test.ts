import { createHash, randomBytes } from 'node:crypto'
import kafkajs, { type Kafka } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { decompression, registerCodecs, zstdInJavaScript } from '../../src/lib/kafka-codecs.ts'
import { kafkaConfig } from '../../src/lib/kafka-connection.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

let server: KafkaServer
let kafka: Kafka
/** Compressed bytes that went through a codec. */
let compressedBytes = 0

beforeAll(async () => {
  registerCodecs()
  for (const [type, codec] of Object.entries(CompressionCodecs)) {
    if (Number(type) === CompressionTypes.None) continue
    const { decompress } = codec()
    CompressionCodecs[Number(type) as keyof typeof CompressionCodecs] = () => ({
      decompress: (compressed: Buffer) => {
        compressedBytes += compressed.length
        return decompress(compressed)
      },
    })
  }
  server = await startKafka({ properties: { 'message.max.bytes': 3_000_000 } })
  kafka = new kafkajs.Kafka(kafkaConfig({ brokers: server.brokers, clientId: 'test', ssl: false, log: pino({ enabled: false }) }))
})

afterAll(async () => {
  await server?.close()
})

/** The broker's own Java codec writes what is read here: the producer sends plain batches, the topic says how they are kept. */
async function keepAs(topic: string, compression: string, batches: readonly (readonly Buffer[])[]): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = [{ name: 'compression.type', value: compression }]
  await admin.createTopics({ topics: [{ topic, configEntries }], waitForLeaders: true })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  for (const batch of batches) await producer.send({ topic, messages: batch.map((value) => ({ value })) })
  await producer.disconnect()
}

async function readAll(topic: string, count: number): Promise<readonly string[]> {
  const hashes: string[] = []
  const consumer = kafka.consumer({ groupId: `read-${topic}`, maxBytes: 4 * 1024 * 1024, maxBytesPerPartition: 1024 * 1024 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error))
    void consumer.run({
      eachMessage: async ({ message }) => {
        hashes.push(hash(message.value ?? Buffer.alloc(0)))
        if (hashes.length >= count) resolve()
      },
    })
  })
  await consumer.disconnect()
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
    compressedBytes = 0
    const sent = batches.flat()
    expect(await readAll(compression, sent.length)).toEqual(sent.map(hash))
    expect(compressedBytes).toBeGreaterThan(900_000)
  })
})

it('is read by the zstd decoder in JavaScript too, whatever this Node has', async () => {
  let checked = 0
  const native = CompressionCodecs[CompressionTypes.ZSTD]
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    decompress: async (compressed: Buffer) => {
      checked += 1
      return zstdInJavaScript(compressed)
    },
  })
  await keepAs('zstd-js', 'zstd', batches)
  const sent = batches.flat()
  expect(await readAll('zstd-js', sent.length)).toEqual(sent.map(hash))
  expect(checked).toBeGreaterThan(0)
  CompressionCodecs[CompressionTypes.ZSTD] = native
})

it('takes a fetch response that would become gigabytes in portions, and misses nothing of it', async () => {
  const large = Array.from({ length: 60 }, (_, i) => [Buffer.concat([Buffer.from(`${i} `), Buffer.alloc(1_000_000, 'log line ')])])
  await keepAs('dense', 'zstd', large)
  const before = decompression.putOff
  expect(await readAll('dense', large.length)).toEqual(large.flat().map(hash))
  expect(decompression.putOff).toBeGreaterThan(before)
})
