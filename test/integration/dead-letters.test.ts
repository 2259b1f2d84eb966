import { randomBytes } from 'node:crypto'
import kafkajs, { type Admin, type KafkaConfig, type KafkaMessage } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { KafkaDeadLetters } from '../../src/dead-letters/kafka.ts'
import type { DeadLetter } from '../../src/flow/contracts.ts'
import { kafkaConfig } from '../../src/kafka/connection.ts'

let server: KafkaServer
let config: KafkaConfig
let admin: Admin
const open: KafkaDeadLetters[] = []
const lines: Record<string, unknown>[] = []
const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })

beforeAll(async () => {
  server = await startKafka()
  config = kafkaConfig({ brokers: server.brokers, clientId: 'test', ssl: false, log: pino({ enabled: false }) })
  admin = new kafkajs.Kafka(config).admin()
  await admin.connect()
})

afterEach(async () => {
  lines.length = 0
  await Promise.all(open.splice(0).map((letters) => letters.close()))
})

afterAll(async () => {
  await admin?.disconnect()
  await server?.close()
})

function deadLetters(topic: string, kafka: Partial<KafkaConfig> = {}): KafkaDeadLetters {
  const letters = new KafkaDeadLetters({ topic, kafka: { ...config, ...kafka }, log })
  open.push(letters)
  return letters
}

const createTopic = (topic: string, numPartitions = 3, configEntries: { name: string; value: string }[] = []) =>
  admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true })

const letter = (index: number, value: Uint8Array | undefined): DeadLetter => ({
  reason: 'undecodable',
  error: `what is wrong with ${index}`,
  output: undefined,
  topic: 'source',
  partition: 2,
  offset: String(index),
  eventId: index === 1 ? undefined : 'AAAAAAAAAAAAAAAAAAAAAA',
  sizeBytes: value?.length ?? 0,
  value,
})

async function kept(topic: string): Promise<KafkaMessage[]> {
  const ends = await admin.fetchTopicOffsets(topic)
  const count = ends.reduce((sum, { high }) => sum + Number(high), 0)
  const messages: KafkaMessage[] = []
  const consumer = new kafkajs.Kafka(config).consumer({ groupId: `${topic}-${randomBytes(4).toString('hex')}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  if (count > 0) {
    await new Promise<void>((resolve) => {
      const eachMessage = async ({ message }: { message: KafkaMessage }) => {
        if (messages.push(message) === count) resolve()
      }
      void consumer.run({ eachMessage })
    })
  }
  await consumer.disconnect()
  return messages.sort((a, b) => Number(header(a, 'cfmr-offset')) - Number(header(b, 'cfmr-offset')))
}

const header = (message: KafkaMessage, name: string) => message.headers?.[name]?.toString()
const never = new AbortController().signal

describe('a dead letter', () => {
  it('keeps the original bytes, or their absence, and says where it came from and why', async () => {
    await createTopic('kept')
    const values = [randomBytes(500), undefined, Buffer.alloc(0)]
    const letters = deadLetters('kept')
    await letters.send(
      values.map((value, i) => letter(i, value)),
      never,
    )

    const messages = await kept('kept')
    expect(messages.map(({ value }) => value)).toEqual([values[0], null, Buffer.alloc(0)])
    expect(Object.fromEntries(Object.entries(messages[1]?.headers ?? {}).map(([name, value]) => [name, String(value)]))).toEqual({
      'cfmr-reason': 'undecodable',
      'cfmr-error': 'what is wrong with 1',
      'cfmr-topic': 'source',
      'cfmr-partition': '2',
      'cfmr-offset': '1',
    })
    expect(String(messages[0]?.headers?.['cfmr-event-id'])).toBe('AAAAAAAAAAAAAAAAAAAAAA')
    expect(letters.sent).toBe(3)
    expect(lines).toMatchObject([{ level: 40, topic: 'source', partition: 2, offset: '0', size_bytes: 500 }])
  })

  it('too large for the topic goes without its value; those sent with it go whole', async () => {
    await createTopic('small', 1, [{ name: 'max.message.bytes', value: '4000' }])
    const values = [100, 9000, 200, 300, 3000, 7000].map((size) => randomBytes(size))
    await deadLetters('small').send(
      values.map((value, i) => letter(i, value)),
      never,
    )

    const messages = await kept('small')
    expect(messages.map((message) => [message.value?.length, header(message, 'cfmr-value-bytes')])).toEqual([
      [100, undefined],
      [undefined, '9000'],
      [200, undefined],
      [300, undefined],
      [3000, undefined],
      [undefined, '7000'],
    ])
  })

  it('is one of thousands without being lost among them, on every partition', async () => {
    await createTopic('flood')
    const flood = Array.from({ length: 20_000 }, (_, i) => letter(i, Buffer.from(`poison ${i}`)))
    await deadLetters('flood').send(flood, never)

    expect((await admin.fetchTopicOffsets('flood')).every(({ high }) => Number(high) > 0)).toBe(true)
    const messages = await kept('flood')
    expect(messages.length).toBe(20_000)
    expect(messages.every(({ value }, i) => String(value) === `poison ${i}`)).toBe(true)
  })
})

describe('while the topic cannot be written, a send waits, says why, and loses nothing:', () => {
  it('the topic does not exist yet', async () => {
    const letters = deadLetters('later')
    const sending = letters.send([letter(7, Buffer.from('seven'))], never)
    await vi.waitFor(() => expect(letters.notReady()).toEqual([expect.stringContaining('CFMR_KAFKA_DEADLETTERTOPIC')]), 20_000)
    expect(letters.sent).toBe(0)
    await createTopic('later')
    await sending
    expect((await kept('later')).map(({ value }) => String(value))).toEqual(['seven'])
    expect(letters.notReady()).toEqual([])
    expect(lines.filter(({ level }) => level === 50)).toMatchObject([{ topic: 'later', letters: 1 }])
  })

  it('the broker hangs', async () => {
    await createTopic('hung')
    const letters = deadLetters('hung', { requestTimeout: 1000 })
    await letters.send([letter(0, Buffer.from('before'))], never)
    server.freeze()
    try {
      const sending = letters.send([letter(1, Buffer.from('during'))], never)
      await vi.waitFor(() => expect(letters.notReady()).toEqual([expect.stringContaining('hung')]), 20_000)
      server.thaw()
      await sending
    } finally {
      server.thaw()
    }
    expect(letters.notReady()).toEqual([])
    const values = (await kept('hung')).map(({ value }) => String(value))
    expect(new Set(values)).toEqual(new Set(['before', 'during']))
  })

  it('the broker is away, and comes back', async () => {
    await createTopic('away')
    const letters = deadLetters('away')
    await letters.send([letter(0, Buffer.from('before'))], never)
    await server.stop()
    const sending = letters.send([letter(1, Buffer.from('during'))], never)
    await vi.waitFor(() => expect(lines).toContainEqual(expect.objectContaining({ level: 40, cause: 'unreachable' })), 20_000)
    await server.restart()
    await sending
    expect(letters.notReady()).toEqual([])
    const values = (await kept('away')).map(({ value }) => String(value))
    expect(new Set(values)).toEqual(new Set(['before', 'during']))
  })

  it('until its signal aborts', async () => {
    const letters = deadLetters('nowhere')
    const kill = new AbortController()
    const sending = letters.send([letter(0, undefined)], kill.signal)
    await vi.waitFor(() => expect(letters.notReady()).toHaveLength(1), 20_000)
    kill.abort(new Error('time is up'))
    await expect(sending).rejects.toThrow('time is up')
    expect(letters.notReady()).toEqual([])
    expect(letters.sent).toBe(0)
  })
})

it('a compacted topic takes them, and keeps each', async () => {
  const topic = 'compacted'
  await createTopic(topic, 1, [{ name: 'cleanup.policy', value: 'compact' }])
  const letters = deadLetters(topic)
  const refused = (output: string): DeadLetter => ({ ...letter(1, Buffer.from('one')), reason: 'refused', output })
  await letters.send([letter(1, Buffer.from('one')), letter(2, undefined), refused('influxdb'), refused('elasticsearch')], never)
  const read = await keysIn(topic, 4)
  expect(new Set(read)).toEqual(new Set(['source/2/1', 'source/2/2', 'source/2/1/influxdb', 'source/2/1/elasticsearch']))
})

async function keysIn(topic: string, count: number): Promise<string[]> {
  const consumer = new kafkajs.Kafka(config).consumer({ groupId: 'reader of keys' })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    return await new Promise((resolve) => {
      const keys: string[] = []
      void consumer.run({
        eachMessage: async ({ message: { key } }) => {
          keys.push(String(key))
          if (keys.length === count) resolve(keys)
        },
      })
    })
  } finally {
    await consumer.disconnect()
  }
}
