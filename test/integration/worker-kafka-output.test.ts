import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import { Installation } from '../support/installation.ts'
import { uniqueName } from '../support/shared.ts'

const mix = loadMix()
let site: Installation

beforeEach(async () => {
  site = await Installation.open()
})
afterEach(() => site?.close())

const TO_KAFKA = { CFMR_OUTPUT: 'kafka', CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '' }
const ENVELOPES = 3000
const numbers = Array.from({ length: ENVELOPES }, (_, number) => number)
const kinds = numbers.map((number) => mix.kind(number))
const points = (kind: string) => kinds.filter((each) => each === kind).length
const pointCount = kinds.filter((kind) => kind !== 'discarded').length

/** Its envelopes on one partition of a topic of their own. */
async function source(): Promise<string> {
  const topic = await site.kafka.topic()
  await site.kafka.produce(topic, numbers.map(mix.envelope))
  return topic
}

describe('documents', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4'])(
    'arrive whole with compression %s, keyed by their app and in its order',
    async (compression) => {
      const [from, to] = [await source(), await site.kafka.topic({ partitions: 3 })]
      const worker = await site.start({
        ...TO_KAFKA,
        CFMR_KAFKA_TOPICS: from,
        CFMR_KAFKAOUTPUT_TOPIC: to,
        CFMR_KAFKAOUTPUT_COMPRESSION: compression,
      })
      await site.committed(worker, from)
      expect((await worker.stats()).outputs['kafka']).toMatchObject({
        ack: 'stored',
        records: pointCount,
        held: 0,
        refused: 0,
        in_flight: 0,
      })
      const messages = await site.kafka.consume(to, pointCount)
      const documents = messages.map(({ value }) => JSON.parse(String(value)))
      expect(new Set(documents.map(({ event }) => event.id)).size).toBe(pointCount)
      expect(documents.filter(({ event }) => event.dataset === 'cloudfoundry.http').length).toBe(points('http_request'))
      const partitionOf = new Map<string, number>()
      const latest = new Map<string, string>()
      for (const [i, { key, partition, timestamp, headers }] of messages.entries()) {
        const { cloudfoundry, ...rest } = documents[i]
        expect(key).toBe(cloudfoundry.app.id)
        expect(headers).toEqual({})
        expect(Number(timestamp)).toBe(Date.parse(rest['@timestamp']))
        expect(partitionOf.get(key ?? '') ?? partition).toBe(partition)
        partitionOf.set(key ?? '', partition)
        expect(rest['@timestamp'] > (latest.get(key ?? '') ?? '')).toBe(true)
        latest.set(key ?? '', rest['@timestamp'])
      }
      expect(new Set(partitionOf.values()).size).toBe(3)
    },
  )
})

it('two workers in a row, envelopes between them, give the same points as one; the second knows where each came from', async () => {
  const [from, between] = [await source(), await site.kafka.topic({ partitions: 2 })]
  const sentAt = (await site.kafka.consume(from, numbers.length)).map(({ timestamp }) => timestamp)
  const first = await site.start({
    ...TO_KAFKA,
    CFMR_KAFKA_TOPICS: from,
    CFMR_KAFKAOUTPUT_TOPIC: between,
    CFMR_KAFKAOUTPUT_FORMAT: 'envelope',
  })
  await site.committed(first, from)
  await first.stop()
  const envelopes = await site.kafka.consume(between, pointCount)
  const byOffset = envelopes.toSorted((a, b) => Number(a.headers['cfmr-offset']) - Number(b.headers['cfmr-offset']))
  const expected = numbers.filter((number) => kinds[number] !== 'discarded')
  expect(byOffset.map(({ headers }) => Number(headers['cfmr-offset']))).toEqual(expected)
  expect(byOffset.every(({ value }, i) => value?.equals(mix.envelope(expected[i] as number)))).toBe(true)
  expect(byOffset.map(({ timestamp }) => timestamp)).toEqual(expected.map((number) => sentAt[number]))
  expect(byOffset[0]?.headers).toMatchObject({
    'cfmr-topic': from,
    'cfmr-partition': '0',
    'cfmr-event-id': expect.stringMatching(/^[\w-]{22}$/),
    'cfmr-app': expect.any(String),
    'cfmr-app-guid': byOffset[0]?.key,
    'cfmr-org': expect.any(String),
    'cfmr-space': expect.any(String),
  })

  const ids = new Set<string>()
  const onOutput = (line: string) => void ids.add(JSON.parse(line).event.id)
  const group = { CFMR_KAFKA_CONSUMERGROUP: uniqueName('group'), CFMR_KAFKA_TOPICS: between }
  const second = await site.start({ ...group, CFMR_OUTPUT: 'influxdb,stdout', CFMR_STDOUT_FORMAT: 'json' }, { onOutput })
  await second.ready()
  await second.waitUntil('all is read', async () => (await second.stats()).ledger.written === pointCount)
  await second.stop()
  expect(await site.stored()).toEqual({ http_request: points('http_request'), log: points('log'), instance: points('instance') })
  expect(ids).toEqual(new Set(envelopes.map(({ headers }) => headers['cfmr-event-id'])))
})

it('a topic that is missing holds its own messages and no others, says so, and gets them once it is there', async () => {
  const prefix = uniqueName('out')
  const from = await source()
  for (const kind of ['http', 'container']) await site.kafka.topic({ topic: `${prefix}-${kind}` })
  const worker = await site.start({ ...TO_KAFKA, CFMR_KAFKA_TOPICS: from, CFMR_KAFKAOUTPUT_TOPIC: `${prefix}-{kind}` })
  await worker.ready()
  await worker.waitUntil('logs are held', async () => (await worker.stats()).outputs['kafka']?.held === points('log'))
  expect((await site.kafka.ends(`${prefix}-http`))[0]).toBe(points('http_request'))
  expect((await worker.get('/readyz')).body).toMatch(/kafka: \d+ records are held back: .*-log: the topic does not exist/)
  expect(worker.log.filter(({ level }) => level === 'ERROR')).toMatchObject([{ topic: `${prefix}-log` }])
  await site.kafka.topic({ topic: `${prefix}-log` })
  await site.committed(worker, from)
  expect((await site.kafka.ends(`${prefix}-log`))[0]).toBe(points('log'))
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})

it('an envelope keeps the headers that it came with, but for those that an earlier refinery had put there', async () => {
  const [from, to] = [await site.kafka.topic(), await site.kafka.topic()]
  const values = numbers
    .filter((number) => kinds[number] !== 'discarded')
    .slice(0, 5)
    .map(mix.envelope)
  await site.kafka.produce(from, values, {
    headers: { trace: 'abc', 'cfmr-topic': 'an-earlier-one', 'cfmr-event-id': 'AAAAAAAAAAAAAAAAAAAAAA' },
  })
  const worker = await site.start({
    ...TO_KAFKA,
    CFMR_KAFKA_TOPICS: from,
    CFMR_KAFKAOUTPUT_TOPIC: to,
    CFMR_KAFKAOUTPUT_FORMAT: 'envelope',
  })
  await site.committed(worker, from)
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  const messages = await site.kafka.consume(to, values.length)
  expect(messages.map(({ value }) => value)).toEqual(values)
  for (const { headers } of messages) {
    expect(headers).toMatchObject({ trace: 'abc', 'cfmr-topic': from, 'cfmr-event-id': 'AAAAAAAAAAAAAAAAAAAAAA' })
    expect(Object.keys(headers)).toHaveLength(9)
  }
})
