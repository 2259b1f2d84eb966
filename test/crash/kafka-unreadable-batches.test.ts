import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { CompressionTypes, type Producer, type Transaction } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { sampleApps } from '../../dev/load/mix.ts'
import { logEnvelope, logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { KafkaTester } from '../support/kafka.ts'
import { withBroker } from '../support/kafka-broker.ts'
import { uniqueName } from '../support/shared.ts'

const guid = sampleApps()[0]?.app_guid ?? ''
let server: KafkaServer
let site: Installation

beforeAll(async () => {
  server = await startKafka()
  site = await Installation.open(await KafkaTester.connect(server))
})

afterAll(async () => {
  await site?.close()
  await server?.close()
})

const logs = (from: number, count: number) => logEnvelopes(guid, from, from + count)

/** As one record batch. */
async function sendBatch(topic: string, values: readonly (string | Buffer)[], compression = CompressionTypes.None): Promise<void> {
  const timestamp = String(Date.now())
  const messages = values.map((value) => ({ key: null, value, timestamp, headers: {} }))
  const topicData = [{ topic, partitions: [{ partition: 0, messages }] }]
  await withBroker(site.kafka.client, topic, (broker) => broker.produce({ topicData, compression, acks: -1, timeout: 30_000 }))
}

it('batches that cannot be read are a dead letter each: all around them is written, and the group does not notice', async () => {
  const { kafka } = site
  const [damaged, large, sound, dead] = [await kafka.topic(), await kafka.topic(), await kafka.topic(), await kafka.topic()]
  const marked = logs(100, 20)
  await sendBatch(damaged, logs(0, 10))
  await sendBatch(damaged, marked)
  await sendBatch(damaged, logs(200, 10))
  await sendBatch(large, logs(300, 10), CompressionTypes.GZIP)
  await sendBatch(
    large,
    Array.from({ length: 160 }, () => Buffer.alloc(900_000, 'x')),
    CompressionTypes.GZIP,
  )
  await sendBatch(large, logs(400, 10), CompressionTypes.GZIP)
  await site.kafka.produce(sound, logs(500, 10))
  await server.stop()
  flipBit(join(server.dataFolder, `${damaged}-0`, '00000000000000000000.log'), marked[7] as string)
  await server.restart()

  const worker = await site.start({ CFMR_KAFKA_TOPICS: [damaged, large, sound].join(), CFMR_KAFKA_DEADLETTERTOPIC: dead })
  await site.committed(worker, damaged, large, sound)
  await site.kafka.produce(sound, logs(510, 10))
  await site.committed(worker, sound)

  const { ledger } = await worker.stats()
  expect(ledger).toMatchObject({ consumed: 240, written: 60, undecodable: 180, in_flight: 0, residue: 0 })
  expect((await site.stored()).log).toBe(60)
  expect(worker.log.filter(({ msg }) => msg === 'joined the group')).toHaveLength(1)
  const errors = worker.log.filter(({ level, msg }) => level === 'ERROR' && msg.includes('record batch'))
  expect(errors).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ topic: damaged, partition: 0, first_offset: 10, last_offset: 29, messages: 20, codec: 'none' }),
      expect.objectContaining({ topic: large, partition: 0, first_offset: 10, last_offset: 169, messages: 160, codec: 'gzip' }),
    ]),
  )
  const letters = await site.kafka.consume(dead, 2)
  const byTopic = new Map(letters.map((letter) => [letter.headers['cfmr-topic'], letter]))
  expect(byTopic.get(damaged)?.headers).toMatchObject({ 'cfmr-reason': 'undecodable', 'cfmr-offset': '10', 'cfmr-codec': 'none' })
  expect(byTopic.get(large)?.headers).toMatchObject({ 'cfmr-reason': 'undecodable', 'cfmr-offset': '10', 'cfmr-codec': 'gzip' })
  expect(byTopic.get(damaged)?.value?.includes(marked[8] as string)).toBe(true)
  expect(byTopic.get(large)?.value?.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]))
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})

/** In the payload of an envelope, which stays one: who does not look at the checksum does not see it. */
function flipBit(file: string, envelope: string): void {
  const at = readFileSync(file).indexOf(envelope) + envelope.indexOf('"message":"') + '"message":"'.length
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.from(envelope[at] === 'A' ? 'B' : 'A'), 0, 1, at)
  closeSync(descriptor)
}

it('of transactions that interleave, just the messages of the committed ones are written', async () => {
  const topic = await site.kafka.topic()
  const producers = ['a', 'b', 'c'].map((name) =>
    site.kafka.client.producer({
      transactionalId: uniqueName(name),
      maxInFlightRequests: 1,
      idempotent: true,
      allowAutoTopicCreation: false,
    }),
  )
  await Promise.all(producers.map((producer) => producer.connect()))
  const [a, b, c] = producers as [Producer, Producer, Producer]
  const send = (transaction: Transaction, number: number) =>
    transaction.send({ topic, messages: [{ partition: 0, value: logEnvelope(guid, number) }] })
  try {
    const [first, second, third] = [await a.transaction(), await b.transaction(), await c.transaction()]
    await send(first, 600)
    await send(second, 601)
    await send(third, 602)
    await second.abort()
    await send(first, 603)
    await send(third, 604)
    await first.abort()
    await third.commit()
    const fourth = await a.transaction()
    await send(fourth, 605)
    await fourth.commit()
  } finally {
    await Promise.all(producers.map((producer) => producer.disconnect()))
  }
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topic })
  await site.committed(worker, topic)
  expect((await worker.stats()).ledger).toMatchObject({ consumed: 3, written: 3, residue: 0 })
})
