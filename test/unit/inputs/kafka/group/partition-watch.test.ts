import type { Admin, Cluster } from 'kafkajs'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ledger } from '../../../../../src/flow/ledger.ts'
import { PartitionWatch } from '../../../../../src/inputs/kafka/group/partition-watch.ts'
import { Assignment } from '../../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../../src/inputs/offsets/bell.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** A member with one partition, and a Kafka that says what the test sets; what happens while it is asked is up to the test. */
function setUp() {
  const logged: Record<string, unknown>[] = []
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const assignment = new Assignment({ topic: [0] }, new Ledger(), new Bell())
  const tracker = () => assignment.tracker('topic', 0) ?? fail()
  tracker().begin(10, 10)
  const kafka = { low: 0, stable: 10, end: 10, whileAsked: () => {} }
  const seeks: number[] = []
  const cluster = {
    getNodeIds: () => [],
    fetchTopicsOffset: async () => [{ topic: 'topic', partitions: [{ partition: 0, offset: String(kafka.end) }] }],
  }
  const admin = {
    fetchTopicOffsets: async () => {
      const { low, stable } = kafka
      kafka.whileAsked()
      return [{ partition: 0, low: String(low), high: String(stable), offset: String(stable) }]
    },
  }
  const watch = new PartitionWatch({ admin: { ask: (question) => question(admin as unknown as Admin) }, log })
  const life = {
    cluster: cluster as unknown as Cluster,
    seek: (_topic: string, _partition: number, offset: number) => void seeks.push(offset),
  }
  const known = { why: false }
  const look = () => watch.look({ life, assignment, shouldCome: () => !known.why })
  return { known, watch, look, assignment, tracker, kafka, seeks, logged }
}

function fail(): never {
  throw new Error('not assigned')
}

describe('what Kafka has deleted', () => {
  it('is counted once, and reading goes on behind it', async () => {
    const { watch, look, tracker, kafka, seeks } = setUp()
    kafka.low = 15
    kafka.stable = kafka.end = 30
    await look()
    await look()
    expect([watch.skipped, seeks, tracker().position, tracker().ready]).toEqual([5, [15], 15, 15])
  })

  it('is not counted where the position has moved on while Kafka was asked', async () => {
    const { watch, look, tracker, kafka, seeks } = setUp()
    kafka.low = 15
    kafka.stable = kafka.end = 30
    kafka.whileAsked = () => tracker().skip(20)
    await look()
    expect([watch.skipped, seeks, tracker().position]).toEqual([0, [], 20])
  })

  it('is told apart from a gap that Kafka cannot explain', async () => {
    const { watch, look, tracker, kafka, logged } = setUp()
    watch.sawGap(tracker(), 10, 20)
    tracker().skip(20)
    kafka.low = 14
    kafka.stable = kafka.end = 30
    await look()
    expect([watch.skipped, watch.gaps]).toEqual([4, 6])
    expect(logged.map(({ from, to }) => [from, to])).toEqual([[10, 14], [14, 20]]) // biome-ignore format: a table
  })
})

describe('a partition that ends before the position', () => {
  it('was cut only if it stays so: a new leader may know less for a moment', async () => {
    const { look, tracker, kafka, seeks } = setUp()
    kafka.stable = kafka.end = 5
    await look()
    await vi.advanceTimersByTimeAsync(4000)
    await look()
    expect(seeks).toEqual([])
    kafka.stable = kafka.end = 10
    await look()
    kafka.stable = kafka.end = 5
    await look()
    await vi.advanceTimersByTimeAsync(6000)
    const before = tracker()
    await look()
    expect([seeks, tracker() === before, tracker().position]).toEqual([[0], false, 0])
  })
})

describe('an open transaction', () => {
  it('shows what is behind it as lag at once, and is said after a minute', async () => {
    const { watch, look, tracker, kafka, logged } = setUp()
    kafka.end = 25
    await look()
    expect([watch.highWatermark(tracker()), watch.notReady()]).toEqual([25, []])
    await vi.advanceTimersByTimeAsync(61_000)
    await look()
    expect(watch.notReady()).toEqual(['kafka: an open transaction holds back 15 messages of topic/0, from offset 10 on'])
    expect(logged).toMatchObject([{ level: 40, topic: 'topic', partition: 0, from: 10, messages: 15 }])
    kafka.stable = 25
    await look()
    expect(watch.notReady()).toEqual([])
  })

  it('begins anew where another one follows it', async () => {
    const { watch, look, tracker, kafka } = setUp()
    kafka.end = 25
    await look()
    await vi.advanceTimersByTimeAsync(50_000)
    kafka.stable = 20
    tracker().skip(20)
    await look()
    await vi.advanceTimersByTimeAsync(50_000)
    await look()
    expect(watch.notReady()).toEqual([])
  })
})

it('changes nothing of an assignment that ended while Kafka was asked', async () => {
  const { watch, look, assignment, kafka, seeks } = setUp()
  kafka.low = 15
  kafka.stable = kafka.end = 30
  kafka.whileAsked = () => void assignment.end()
  await look()
  expect([watch.skipped, seeks]).toEqual([0, []])
})

describe('a partition of which nothing comes, though there is more', () => {
  async function stuck() {
    const scene = setUp()
    scene.kafka.stable = scene.kafka.end = 30
    await scene.look()
    await vi.advanceTimersByTimeAsync(41_000)
    return scene
  }

  it('is asked for from farther and farther back, down to the oldest message, and is said', async () => {
    const { watch, look, kafka, seeks, logged } = await stuck()
    kafka.low = 1
    for (let looks = 0; looks < 3; looks++) {
      await look()
      await look()
      await vi.advanceTimersByTimeAsync(6000)
    }
    expect(seeks).toEqual([9, 2, 1])
    expect(logged[0]).toMatchObject({ topic: 'topic', partition: 0, offset: 10, end: 30, from: 9 })
    expect(watch.notReady()).toEqual(['kafka: nothing comes of topic/0 from offset 10 on, though there is more'])
  })

  it('is none once something has come', async () => {
    const { watch, look, tracker, seeks } = await stuck()
    await look()
    tracker().skip(20)
    await vi.advanceTimersByTimeAsync(6000)
    await look()
    expect([watch.notReady(), seeks]).toEqual([[], [9]])
  })

  it('is none where it is known why', async () => {
    const scene = await stuck()
    scene.known.why = true
    await scene.look()
    expect([scene.watch.notReady(), scene.seeks, scene.logged]).toEqual([[], [], []])
  })
})
