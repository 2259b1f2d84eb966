import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { CompressionTypes } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { sampleApps } from '../../dev/load/mix.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { KafkaTester } from '../support/kafka.ts'
import { withBroker } from '../support/kafka-broker.ts'

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

/** A bit of the second batch's header: by byte and number. */
const damages = {
  'a length beyond the end': [8, 6],
  'a negative length': [8, 7],
  'a length that is too short': [10, 1],
  'the number of an old format': [16, 1],
  'the number of no format': [16, 2],
  'an offset far behind': [6, 0],
  'a negative offset': [0, 7],
} as const
const BATCHES = 4
/** In a batch: so few that Kafka's index, which has an entry for every 4096 bytes, has none behind the damage. */
const MESSAGES = 2
/** That nothing comes is believed after 40 s, at looks that come every 15 s. */
const patient = { timeoutMs: 300_000 }

/** Four record batches, then a bit of the second one flipped on the disk of the broker, which runs: it would not start with most of these. */
async function damagedTopic([byte, bit]: readonly [number, number], from: number): Promise<string> {
  const topic = await site.kafka.topic()
  const timestamp = String(Date.now())
  await withBroker(site.kafka.client, topic, async (broker) => {
    for (let batch = 0; batch < BATCHES; batch++) {
      const values = logEnvelopes(guid, from + batch * MESSAGES, from + (batch + 1) * MESSAGES)
      const messages = values.map((value) => ({ key: null, value, timestamp, headers: {} }))
      const topicData = [{ topic, partitions: [{ partition: 0, messages }] }]
      await broker.produce({ topicData, compression: CompressionTypes.None, acks: -1, timeout: 30_000 })
    }
  })
  const file = join(server.dataFolder, `${topic}-0`, '00000000000000000000.log')
  const log = readFileSync(file)
  const at = 12 + log.readInt32BE(8) + byte
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.from([(log[at] as number) ^ (1 << bit)]), 0, 1, at)
  closeSync(descriptor)
  return topic
}

it('batches whose headers are damaged on the disk are a dead letter each: all around them is written', async () => {
  const { kafka } = site
  const [sound, dead] = [await kafka.topic(), await kafka.topic()]
  const topics: string[] = []
  for (const [index, damage] of Object.values(damages).entries()) topics.push(await damagedTopic(damage, index * 100))
  await kafka.produce(sound, logEnvelopes(guid, 1000, 1010))
  const worker = await site.start({ CFMR_KAFKA_TOPICS: [...topics, sound].join(), CFMR_KAFKA_DEADLETTERTOPIC: dead })
  await site.committed(worker, ...topics, sound)
  await kafka.produce(sound, logEnvelopes(guid, 1010, 1020))
  await site.committed(worker, sound)

  const { ledger } = await worker.stats()
  const written = topics.length * (BATCHES - 1) * MESSAGES + 20
  expect(ledger).toMatchObject({ written, undecodable: topics.length * MESSAGES, in_flight: 0, residue: 0 })
  expect((await site.stored()).log).toBe(written)
  for (const topic of topics) {
    const errors = worker.log.filter((line) => line['topic'] === topic && line.msg.includes('record batch cannot be read'))
    expect(errors).toMatchObject([{ level: 'ERROR', partition: 0, first_offset: 2, last_offset: 3, messages: 2 }])
  }
  const letters = await kafka.consume(dead, topics.length)
  expect(new Set(letters.map(({ headers }) => headers['cfmr-topic']))).toEqual(new Set(topics))
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})

it('where Kafka finds no way past the damage to what is asked for, it is asked for from before, and the others are read', async () => {
  const { kafka } = site
  const group = `${site.group}-behind`
  const sound = await kafka.topic()
  const topics: string[] = []
  for (const [index, name] of (
    ['a length beyond the end', 'a length that is too short', 'the number of an old format'] as const
  ).entries()) {
    const topic = await damagedTopic(damages[name], 2000 + index * 100)
    topics.push(topic)
    await kafka.admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '6' }] })
  }
  const before = (await site.stored()).log
  await kafka.produce(sound, logEnvelopes(guid, 3000, 3010))
  const worker = await site.start({ CFMR_KAFKA_TOPICS: [...topics, sound].join(), CFMR_KAFKA_CONSUMERGROUP: group })
  const lagOf = (topic: string) => kafka.lag(group, topic)
  await worker.waitUntil('what is sound is read', async () => (await lagOf(sound)) === 0)
  // On a slow machine Kafka now and then finds its way past one of the damages.
  const lags = await Promise.all(topics.map(lagOf))
  const stuck = topics.filter((_, index) => lags[index] === MESSAGES)
  expect(stuck.length).toBeGreaterThan(0)
  const seen: string[] = []
  await worker.waitUntil(
    'all is read',
    async () => {
      seen.push(...(await worker.stats()).not_ready)
      return (await Promise.all(topics.map(lagOf))).every((lag) => lag === 0)
    },
    patient,
  )
  for (const topic of stuck) expect(seen).toContain(`kafka: nothing comes of ${topic}/0 from offset 6 on, though there is more`)

  expect((await worker.stats()).ledger).toMatchObject({ consumed: 16, written: 16, residue: 0 })
  expect((await site.stored()).log).toBe(before + 16)
  for (const topic of stuck) {
    const fields = { level: 'ERROR', topic, partition: 0, offset: 6, end: 8 }
    expect(worker.log).toContainEqual(expect.objectContaining(fields))
  }
  await worker.waitUntil('it is ready', async () => (await worker.stats()).not_ready.length === 0, patient)
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})
