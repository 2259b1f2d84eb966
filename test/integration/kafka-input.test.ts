import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import type { Delivery } from '../../src/flow/contracts.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { closeReaders, numbers, Platform, Reader, type ReaderOptions, settleAll, until } from './kafka-input-reader.ts'

let server: KafkaServer
let platform: Platform
let count = 0

beforeAll(async () => {
  server = await startKafka({ properties: { 'log.cleaner.backoff.ms': 200, 'log.retention.check.interval.ms': 500 } })
})
beforeEach(async () => {
  platform = await Platform.connect(server.brokers)
})
afterEach(async () => {
  await closeReaders()
  await platform.close()
})
afterAll(() => server?.close())

/** A name nobody else uses. */
const fresh = (what: string) => `${what}-${++count}`
const read = (options: Omit<ReaderOptions, 'brokers' | 'groupId'> & { readonly groupId?: string }) =>
  new Reader({ brokers: server.brokers, groupId: fresh('group'), ...options })

test('reads several topics and partitions to their ends, null values too, and commits all that is settled', async () => {
  const [one, two] = [fresh('topic'), fresh('topic')]
  await platform.createTopic(one, 2)
  await platform.createTopic(two)
  await platform.send(one, numbers(0, 1200), 0)
  await platform.send(one, numbers(1200, 1300), 1)
  await platform.send(two, ['first', null, 'last'])
  const groupId = fresh('group')
  const reader = read({ groupId, topics: [one, two] })

  await until('all is read', () => reader.received.length === 1303)
  await until('all is committed', async () => String(await platform.committed(groupId, one)) === '1200,100')
  await until('all is committed', async () => String(await platform.committed(groupId, two)) === '3')
  await until('the lag is known', () => reader.lag === 0)
  expect(new Set(reader.values).size).toBe(1303)
  expect(reader.values).toContain(undefined)
  expect(reader.ledger).toMatchObject({ consumed: 1303, abandoned: 0 })
  expect(reader.residue).toBe(0)
  expect(reader.input.notReady()).toEqual([])
  expect(await reader.close()).toBe(0)
})

test('commits up to the first message that is not settled, to the message, and goes on from there', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic)
  await platform.send(topic, numbers(0, 100))
  const first = read({
    groupId,
    topics: [topic],
    take: ({ ack }) => {
      ack.settle('written', 38, 62)
      ack.settle('discarded', 0, 37)
    },
  })
  await until('what may be is committed', async () => String(await platform.committed(groupId, topic)) === '37')
  await until('Kafka has confirmed it', () => first.input.partitions()[0]?.committed === 37)
  expect(first.input.partitions()).toMatchObject([{ topic, partition: 0, position: 100, lag: 63, inFlight: 1 }])
  expect(first.residue).toBe(0)
  expect(await first.close(2000)).toBe(63)
  expect(first.ledger.abandoned).toBe(1)
  expect(first.residue).toBe(0)

  const second = read({ groupId, topics: [topic] })
  await until('the rest comes again', () => second.received.length === 63)
  expect(second.received[0]?.offset).toBe(37)
})

test('offsets without a message (transactions, compaction) never hold the commit up', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic)
  const producer = platform.kafka.producer({ transactionalId: fresh('transaction'), maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const [values, fate] of [
    [numbers(0, 5), 'commit'],
    [numbers(90, 95), 'abort'],
    [numbers(5, 10), 'commit'],
    [numbers(95, 98), 'abort'],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
    await transaction[fate]()
  }
  await producer.disconnect()
  const reader = read({ groupId, topics: [topic] })

  await until('the end is committed', async () => String(await platform.committed(groupId, topic)) === '22')
  expect(reader.values).toEqual(numbers(0, 10))
  await until('the lag is known', () => reader.lag === 0)
  expect(reader.input.skipped).toBe(0)
})

test('reads a compacted topic, whose offsets have holes, to its end', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic, 1, { 'cleanup.policy': 'compact', 'segment.ms': 1, 'min.cleanable.dirty.ratio': 0.01 })
  for (let round = 0; round < 30; round++) {
    const messages = numbers(0, 20).map((key) => ({ key, value: `${round}/${key} ${'x'.repeat(80)}`, partition: 0 }))
    await platform.producer.send({ topic, messages })
  }
  const left = async () => {
    const reader = read({ topics: [topic] })
    await until('the end is read', () => reader.received.some(({ offset }) => offset === 599))
    await reader.close()
    return reader.received.length
  }
  await until('Kafka has compacted it', async () => (await left()) < 500, 60_000)
  const reader = read({ groupId, topics: [topic] })
  await until('the end is committed', async () => String(await platform.committed(groupId, topic)) === '600')
  expect(reader.received.map(({ value }) => value?.split(' ')[0])).toEqual(expect.arrayContaining(numbers(0, 20).map((key) => `29/${key}`)))
  await reader.close()
})

test('a pattern takes in topics that appear later, from their oldest message, and never the forbidden ones', async () => {
  const name = fresh('log')
  const groupId = fresh('group')
  await platform.createTopic(`${name}-a`)
  await platform.createTopic(`${name}-dead`)
  await platform.send(`${name}-a`, numbers(0, 10))
  await platform.send(`${name}-dead`, ['never'])
  const reader = read({ groupId, topics: [`/${name}-/`, '/consumer_offsets/'], deadLetterTopic: `${name}-dead`, topicRefreshMs: 500 })
  await until('the first is read', () => reader.received.length === 10)

  await platform.createTopic(`${name}-b`, 2)
  await platform.send(`${name}-b`, numbers(10, 20), 1)
  await until('the second is read', () => reader.received.length === 20)
  await platform.send(`${name}-a`, numbers(20, 30))
  await until('the first is read on', () => reader.received.length === 30)
  expect(reader.values).toEqual(numbers(0, 30))
  await reader.close()
  expect(await platform.committed(groupId, `${name}-a`)).toEqual([20])
})

test('a named topic that does not exist is said to be missing, and read from its oldest message once it appears', async () => {
  const [there, later] = [fresh('topic'), fresh('topic')]
  await platform.createTopic(there)
  await platform.send(there, ['there'])
  const reader = read({ topics: [there, later], topicRefreshMs: 500, offsetNewest: false })
  await until('the one that exists is read', () => reader.values.includes('there'))
  expect(reader.input.notReady()).toEqual([expect.stringContaining(later)])
  expect(reader.lines('the topic does not exist')).toHaveLength(1)

  await platform.createTopic(later)
  await platform.send(later, ['later'])
  await until('the new one is read', () => reader.values.includes('later'))
  expect(reader.input.notReady()).toEqual([])
})

test('without any topic it is a member all the same, and ready', async () => {
  const reader = read({ topics: [`/${fresh('nothing')}/`] })
  await until('it has joined', () => reader.joins === 1)
  expect(reader.input.notReady()).toEqual([])
  expect(await reader.close()).toBe(0)
})

test('a partition that is added is read from its oldest message', async () => {
  const topic = fresh('topic')
  await platform.createTopic(topic)
  await platform.send(topic, numbers(0, 10))
  const reader = read({ topics: [topic], topicRefreshMs: 1000 })
  await until('the first is read', () => reader.received.length === 10)
  await platform.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
  const aware = await Platform.connect(server.brokers)
  await until('it is there', async () => (await aware.ends(topic)).length === 2)
  await aware.send(topic, numbers(10, 20), 1)
  await aware.close()
  await until('the second is read', () => reader.received.length === 20)
  expect(reader.values).toEqual(numbers(0, 20))
})

test('a topic that is deleted does not stop the others', async () => {
  const [doomed, other] = [fresh('topic'), fresh('topic')]
  for (const topic of [doomed, other]) await platform.createTopic(topic)
  await platform.send(doomed, ['doomed'])
  await platform.send(other, ['before'])
  const reader = read({ topics: [doomed, other], topicRefreshMs: 2000 })
  await until('both are read', () => reader.received.length === 2)
  await platform.admin.deleteTopics({ topics: [doomed] })
  await until('it is missed', () => reader.input.notReady().some((reason) => reason.includes(doomed)))
  await platform.send(other, ['after'])
  await until('the other is read on', () => reader.values.includes('after'))
  expect(await reader.close()).toBe(0)
})

test('a new group may begin at the newest messages, and commits that at once; what appears later is read whole', async () => {
  const [old, empty, later] = [fresh('topic'), fresh('topic'), fresh('topic')]
  const groupId = fresh('group')
  await platform.createTopic(old, 2)
  await platform.createTopic(empty)
  await platform.send(old, numbers(0, 50), 0)
  const options = { groupId, topics: [old, empty, later], offsetNewest: true, topicRefreshMs: 500 }
  const first = read(options)
  const second = read(options)
  await until('the beginning is committed', async () => String(await platform.committed(groupId, old)) === '50,0')
  expect(await platform.committed(groupId, empty)).toEqual([0])
  await platform.send(old, ['new'], 0)
  await platform.send(empty, ['new too'])
  await platform.createTopic(later)
  await platform.send(later, ['later'])
  const values = () => [...first.values, ...second.values].sort()
  await until('what is new is read', () => values().length === 3)
  expect(values()).toEqual(['later', 'new', 'new too'])
  await Promise.all([first.close(), second.close()])

  await platform.send(old, ['while nobody read'], 1)
  const third = read(options)
  await until('it goes on where it was', () => third.values.includes('while nobody read'))
  expect(third.received).toHaveLength(1)
})

test('reading pauses at either limit, for longer than the session lasts, without losing the membership', async () => {
  const topic = fresh('topic')
  await platform.createTopic(topic)
  for (let sent = 0; sent < 3000; sent += 500)
    await platform.send(
      topic,
      numbers(sent, sent + 500).map((value) => value.padEnd(1000)),
    )
  const held: Delivery[] = []
  const byCount = read({ topics: [topic], maxInFlight: 1000, take: (delivery) => void held.push(delivery) })
  const byBytes = read({ topics: [topic], maxInFlightBytes: 500_000, take: () => {} })
  await until('both are paused, and say so', () => [byCount, byBytes].every(({ input }) => input.notReady().join().includes('paused')))
  // The session is 6 s, and it takes 5 s to say so.
  await until('the session would be over', () => Date.now() - Number(byBytes.lines('reading is paused')[0]?.['time'] ?? Number.NaN) > 5000)
  expect(byCount.received.length).toBeLessThan(3000)
  expect(byBytes.received.length).toBeLessThan(3000)
  expect([byCount.joins, byBytes.joins]).toEqual([1, 1])

  while (byCount.ledger.fates.written < 3000) {
    for (const delivery of held.splice(0)) settleAll(delivery)
    await until('more comes', () => held.length > 0 || byCount.ledger.fates.written === 3000)
  }
  expect(byCount.joins).toBe(1)
  expect(byCount.residue).toBe(0)
  expect(byCount.input.notReady()).toEqual([])
  expect(await byBytes.close(2000)).toBe(byBytes.ledger.abandoned)
  expect(byBytes.residue).toBe(0)
})

test('close waits for what is in flight, commits it and leaves, so that the next member reads at once and nothing twice', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic)
  for (let sent = 0; sent < 5000; sent += 500) await platform.send(topic, numbers(sent, sent + 500))
  const held: Delivery[] = []
  const first = read({ groupId, topics: [topic], take: (delivery) => void held.push(delivery) })
  await until('something is in flight', () => held.length > 2)
  const closing = first.close()
  await until('it asks for a flush', () => first.flushes > 0)
  for (const delivery of held) settleAll(delivery)
  expect(await closing).toBe(0)
  expect(first.ledger.abandoned).toBe(0)
  expect(await platform.committed(groupId, topic)).toEqual([first.received.length])
  const second = read({ groupId, topics: [topic] })
  await until('the rest is read', () => first.received.length + second.received.length === 5000, 5000)
  expect([...first.values, ...second.values]).toEqual(numbers(0, 5000))
})

test('what is settled after the partition went elsewhere counts and commits nothing', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic)
  await platform.send(topic, numbers(0, 20))
  const held: Delivery[] = []
  const first = read({ groupId, topics: [topic], processingTimeoutMs: 500, take: (delivery) => void held.push(delivery) })
  await until('it is in flight', () => first.received.length === 20)
  const second = read({ groupId, topics: [topic], processingTimeoutMs: 500, take: () => {} })
  await until('the group has been joined anew', () => first.joins === 2 && second.joins > 0)
  expect(held[0]?.ack.isOpen).toBe(false)
  expect(first.ledger.abandoned).toBe(20)
  for (const delivery of held.slice(0, 1)) settleAll(delivery)
  expect(first.ledger.fates.written).toBe(0)
  expect(first.residue).toBe(0)
  await until('somebody has it again', () => first.received.length + second.received.length === 40)
  await first.close(2000)
  expect(await platform.committed(groupId, topic)).toEqual([-1])
})

test('three members that come and go share the partitions: nothing lost, nothing twice, commits never go back', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic, 6)
  const open: Reader[] = []
  const all: Reader[] = []
  const join = async () => {
    const inOrder: Delivery[] = []
    const reader = read({
      groupId,
      topics: [topic],
      take: (delivery) => {
        inOrder.push(delivery)
        setTimeout(() => inOrder.splice(0, 1).forEach(settleAll), 300)
      },
    })
    open.push(reader)
    all.push(reader)
    await until('it has joined', () => reader.input.partitions().some(({ position }) => position !== undefined))
  }
  let isOver = false
  let sent = 0
  const sending = (async () => {
    while (!isOver) {
      for (let partition = 0; partition < 6; partition++) {
        await platform.send(topic, numbers(sent, sent + 50), partition)
        sent += 50
      }
    }
  })()
  let before = [-1, -1, -1, -1, -1, -1]
  const watching = (async () => {
    while (!isOver) {
      const now = await platform.committed(groupId, topic)
      for (const [partition, offset] of now.entries()) expect(offset).toBeGreaterThanOrEqual(before[partition] ?? -1)
      before = now
    }
  })()
  await join()
  await join()
  await join()
  expect(await open.shift()?.close()).toBe(0)
  await join()
  expect(await open.shift()?.close()).toBe(0)
  isOver = true
  await Promise.all([sending, watching])
  const values = () => all.flatMap(({ values }) => values)
  await until('all is read', () => new Set(values()).size === sent)
  expect(values()).toHaveLength(sent)
  for (const reader of open) expect(await reader.close()).toBe(0)
  expect(await platform.committed(groupId, topic)).toEqual(await platform.ends(topic))
  for (const reader of all) expect([reader.residue, reader.ledger.abandoned]).toEqual([0, 0])
})

test.each([
  ['everything had been read', true],
  ['something was still to be read', false],
])(
  'a topic that is deleted and made anew is read from its oldest message, though it has grown past the old position, where %s',
  async (_, isReadOut) => {
    const [topic, other] = [fresh('topic'), fresh('topic')]
    const groupId = fresh('group')
    await platform.createTopic(topic)
    await platform.createTopic(other)
    await platform.send(topic, numbers(0, 40))
    const maxInFlight = isReadOut ? 1000 : 20
    const held: Delivery[] = []
    const take = (delivery: Delivery) => (isReadOut || delivery.ack.topic === other ? settleAll(delivery) : void held.push(delivery))
    const reader = read({ groupId, topics: [topic, other], maxInFlight, take })
    await until('it has read the old topic', () => reader.received.length >= (isReadOut ? 40 : 1))
    if (isReadOut) await until('all is committed', async () => String(await platform.committed(groupId, topic)) === '40')

    await platform.admin.deleteTopics({ topics: [topic] })
    await until('Kafka has forgotten it', async () => !(await platform.admin.listTopics()).includes(topic))
    await platform.createTopic(topic)
    await platform.send(topic, numbers(1000, 1300))
    for (const delivery of held) settleAll(delivery)
    const anew = () => new Set(reader.values.filter((value) => Number(value) >= 1000))
    if (!isReadOut) reader.take = settleAll
    await until('the new topic is read whole', () => anew().size === 300)
    await until('its end is committed', async () => String(await platform.committed(groupId, topic)) === '300')
    expect(reader.residue).toBe(0)
  },
)

test('a stop that meets a change of topics keeps its own deadline', async () => {
  const prefix = fresh('changing')
  await platform.createTopic(`${prefix}-a`)
  await platform.send(`${prefix}-a`, numbers(0, 10))
  const hour = 3_600_000
  const reader = read({ groupId: fresh('group'), topics: [`/^${prefix}/`], topicRefreshMs: 200, processingTimeoutMs: hour, take: () => {} })
  await until('something is in flight', () => reader.input.inFlight === 10)
  await platform.createTopic(`${prefix}-b`)
  await until('it leaves to read the other topic, too', () => reader.lines('the topics to read have changed').length === 1)
  expect(await reader.close(3000)).toBe(10)
})

/** Collects the negative offsets that the group has committed, asked as often as Kafka answers. */
function watchCommits(groupId: string, topic: string): { end(): Promise<number[]> } {
  const negative = new Set<number>()
  let isOver = false
  const watching = (async () => {
    while (!isOver) for (const offset of await platform.committed(groupId, topic)) if (offset < 0) negative.add(offset)
  })()
  return {
    end: async () => {
      isOver = true
      await watching
      return [...negative]
    },
  }
}

test('messages that Kafka deleted unread are counted, while it was away and while it was paused', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  await platform.createTopic(topic)
  await platform.send(topic, numbers(0, 100))
  const away = read({ groupId, topics: [topic], take: ({ ack }) => ack.settle('written', 0, 10) })
  await until('ten are committed', async () => String(await platform.committed(groupId, topic)) === '10')
  await away.close(1500)
  await platform.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '30' }] })

  const held: Delivery[] = []
  const reader = read({ groupId, topics: [topic], maxInFlight: 70, take: (delivery) => void held.push(delivery) })
  await until('it goes on at the oldest', () => reader.received.length === 70)
  expect(reader.received[0]?.offset).toBe(30)
  expect(reader.input.skipped).toBe(20)
  expect(reader.lines('Kafka deleted messages')).toHaveLength(1)

  await platform.send(topic, numbers(100, 200))
  await platform.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '150' }] })
  const commits = watchCommits(groupId, topic)
  for (const delivery of held) settleAll(delivery)
  await until('it goes on at the oldest', () => reader.received.length === 120)
  expect(reader.received.at(-50)?.offset).toBe(150)
  await until('they are counted', () => reader.input.skipped === 70)
  for (const delivery of held.slice(1)) settleAll(delivery)
  await until('the end is committed', async () => String(await platform.committed(groupId, topic)) === '200')
  // What kafkajs commits by itself would make who starts now forget what it has missed.
  expect(await commits.end()).toEqual([])
})

test('a segment in which compaction has left nothing but an empty batch holds nobody up (tulios/kafkajs#1072)', async () => {
  const topic = fresh('topic')
  const groupId = fresh('group')
  // The cleaner joins neighbouring segments as long as they fit into one.
  await platform.createTopic(topic, 1, {
    'cleanup.policy': 'compact',
    'segment.ms': 100,
    'segment.bytes': 2 ** 20,
    'min.cleanable.dirty.ratio': 0.01,
  })
  const keyed = (size: number, from: number, to: number) => numbers(from, to).map((key) => ({ key, value: key.padEnd(size), partition: 0 }))
  // The batch with an idempotent producer's latest number stays, even when all its records have gone.
  const idempotent = platform.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await idempotent.connect()
  await idempotent.send({ topic, messages: keyed(5000, 0, 100) })
  await idempotent.disconnect()
  await sleep(200)
  for (let from = 0; from < 100; from += 20) await platform.producer.send({ topic, messages: keyed(10_000, from, from + 20) })

  await until('Kafka has rolled and compacted the first segment', async () => {
    await platform.producer.send({ topic, messages: [{ key: 'roll', value: null, partition: 0 }] })
    await sleep(500)
    const [first] = await platform.fetch(topic, 0)
    return first?.baseOffset === 0 && first.records().next() === undefined
  })
  const reader = read({ groupId, topics: [topic] })
  const [end = 0] = await platform.ends(topic)
  await until('it reads to the end', async () => (await platform.committed(groupId, topic))[0] === end, 60_000)
  expect(new Set(reader.values.map((value) => value?.trim())).size).toBeGreaterThanOrEqual(100)
  expect(reader.input.skipped).toBe(0)
})
