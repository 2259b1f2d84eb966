import type { Cluster } from 'kafkajs'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ledger } from '../../../../../src/flow/ledger.ts'
import type { GroupMembership } from '../../../../../src/inputs/kafka/group/group-life.ts'
import { StartPositions } from '../../../../../src/inputs/kafka/group/start-positions.ts'
import { Assignment, type Partitions } from '../../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../../src/inputs/offsets/bell.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

type Listed = readonly {
  readonly topic: string
  readonly fromBeginning?: boolean
  readonly partitions: readonly { readonly partition: number }[]
}[]
type Stored = readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]

interface Partition {
  oldest: number
  end: number
  hasLeader?: boolean
}

/** Kafka as the test sets it, by 'topic/partition'; `whileAsked` is called between a question for offsets and its answer. */
function setUpKafka(partitions: Record<string, Partition>, committed: Record<string, number> = {}) {
  const kafka = {
    partitions,
    committed,
    ids: undefined as Record<string, string> | undefined,
    refreshed: 0,
    coordinator: async () => {},
    whileAsked: () => {},
  }
  const numbersOf = (topic: string) =>
    Object.keys(kafka.partitions).flatMap((key) => (key.startsWith(`${topic}/`) ? [Number(key.slice(topic.length + 1))] : []))
  const offsetOf = (topic: string, partition: number, fromBeginning = false) => {
    const { oldest, end, hasLeader = true } = kafka.partitions[`${topic}/${partition}`] ?? fail()
    if (!hasLeader) throw new Error(`${topic}/${partition} has no leader`)
    return { partition, offset: String(fromBeginning ? oldest : end) }
  }
  const send = async () => new Map(Object.entries(kafka.ids ?? {}))
  const cluster = {
    getNodeIds: () => (kafka.ids === undefined ? [] : [1]),
    findBroker: async () => ({ versions: { 3: { maxVersion: 12 } }, connectionPool: { send } }),
    findTopicPartitionMetadata: (topic: string) => numbersOf(topic).map((partitionId) => ({ partitionId })),
    findGroupCoordinator: async () => {
      await kafka.coordinator()
      return {
        offsetFetch: async () => ({
          responses: Object.entries(kafka.committed).map(([key, offset]) => {
            const [topic, partition] = key.split('/')
            return { topic, partitions: [{ partition: Number(partition), offset: String(offset) }] }
          }),
        }),
      }
    },
    fetchTopicsOffset: async (topics: Listed) => {
      const answer = topics.map(({ topic, fromBeginning, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => offsetOf(topic, partition, fromBeginning)),
      }))
      kafka.whileAsked()
      return answer
    },
    refreshMetadata: async () => void kafka.refreshed++,
  }
  return { kafka, cluster: cluster as unknown as Cluster }
}

function fail(): never {
  throw new Error('not there')
}

interface MemberOptions {
  readonly offsetNewest?: boolean
  readonly topics?: readonly string[]
}

type Kafka = ReturnType<typeof setUpKafka>

/** A process that reads `topics`; each `assign` is a join of its. What it stores is committed in `kafka`. */
function setUp({ kafka, cluster }: Kafka, { offsetNewest = false, topics = ['topic'] }: MemberOptions = {}) {
  const logged: Record<string, unknown>[] = []
  const skipped: unknown[] = []
  const stored: string[] = []
  const positions = new StartPositions({
    groupId: 'group',
    offsetNewest,
    log: pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    skipped: (...gap) => void skipped.push(gap),
  })
  const committer = {
    membership: { generation: 1, memberId: 'me', isHeartbeat: true } as GroupMembership | undefined,
    refusal: undefined as Error | undefined,
    async commitStart(_assignment: Assignment, starts: Stored) {
      if (committer.refusal !== undefined) throw committer.refusal
      for (const { topic, partitions } of starts)
        for (const { partition, offset } of partitions) {
          stored.push(`${topic}/${partition} ${offset}`)
          kafka.committed[`${topic}/${partition}`] = Number(offset)
        }
    },
  }
  const assign = (partitions: Partitions, { isLeader = true } = {}) => {
    const assignment = new Assignment(partitions, new Ledger(), new Bell())
    const paused = new Set<string>()
    const seeks: string[] = []
    const life = {
      cluster: cluster as Cluster | undefined,
      pause: (some: Partitions) => {
        for (const [topic, numbers] of Object.entries(some)) for (const partition of numbers) paused.add(`${topic}/${partition}`)
      },
      resume: (topic: string, partition: number) => void paused.delete(`${topic}/${partition}`),
      seek: (topic: string, partition: number, offset: number) => void seeks.push(`${topic}/${partition} ${offset}`),
    }
    const state = { isOver: false }
    void positions.begin({ life, committer, assignment, topics, isLeader }).then(() => {
      state.isOver = true
    })
    const tracker = (key: string) => [...assignment.trackers].find(({ topic, partition }) => `${topic}/${partition}` === key) ?? fail()
    return { assignment, paused, seeks, state, tracker, life }
  }
  return { assign, committer, logged, skipped, stored }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
/** Longer than from one try to the next. */
const A_TRY_MS = 1300

describe('a partition', () => {
  it('is paused until it is known where it begins, and begins at what the group has committed', async () => {
    const kafka = setUpKafka({ 'topic/0': { oldest: 0, end: 100 }, 'topic/1': { oldest: 0, end: 100 } }, { 'topic/0': 40, 'topic/1': 100 })
    const { assign, stored, skipped } = setUp(kafka, { offsetNewest: true })
    const { paused, seeks, state, tracker } = assign({ topic: [0, 1] })
    expect([...paused]).toEqual(['topic/0', 'topic/1'])
    await pass(0)
    expect([state.isOver, [...paused], seeks]).toEqual([true, [], ['topic/0 40', 'topic/1 100']])
    expect([tracker('topic/0').position, tracker('topic/0').committed, tracker('topic/0').uncommitted]).toEqual([40, 40, undefined])
    expect([stored, skipped]).toEqual([[], []])
  })

  it('that nothing is committed of begins at its oldest message', async () => {
    const { assign, stored, logged } = setUp(setUpKafka({ 'topic/0': { oldest: 7, end: 100 } }))
    const { seeks, tracker } = assign({ topic: [0] }, { isLeader: false })
    await pass(0)
    expect([seeks, tracker('topic/0').position, tracker('topic/0').committed]).toEqual([['topic/0 7'], 7, undefined])
    expect([stored, logged]).toEqual([[], []])
  })

  it('that kafkajs has committed a negative offset of begins at its oldest message', async () => {
    const { assign, skipped } = setUp(setUpKafka({ 'topic/0': { oldest: 7, end: 100 } }, { 'topic/0': -2 }))
    const { seeks } = assign({ topic: [0] })
    await pass(0)
    expect([seeks, skipped]).toEqual([['topic/0 7'], []])
  })

  it('whose committed messages Kafka has deleted begins at its oldest one, and those between are counted', async () => {
    const { assign, skipped } = setUp(setUpKafka({ 'topic/0': { oldest: 55, end: 100 } }, { 'topic/0': 40 }))
    const { seeks } = assign({ topic: [0] })
    await pass(0)
    expect([seeks, skipped]).toEqual([['topic/0 55'], [['topic', 0, 40, 55]]])
  })

  it('that ends before what is committed was cut: it begins at its oldest message, and that is said', async () => {
    const { assign, skipped, logged } = setUp(setUpKafka({ 'topic/0': { oldest: 3, end: 20 } }, { 'topic/0': 40 }))
    const { seeks } = assign({ topic: [0] })
    await pass(0)
    expect([seeks, skipped]).toEqual([['topic/0 3'], []])
    expect(logged).toMatchObject([{ level: 50, topic: 'topic', partition: 0, committed: 40, end: 20 }])
  })

  it('whose offsets nobody can tell holds no other, and begins when somebody can', async () => {
    const kafka = setUpKafka(
      { 'topic/0': { oldest: 0, end: 100 }, 'topic/1': { oldest: 0, end: 100, hasLeader: false } },
      { 'topic/0': 40, 'topic/1': 50 },
    )
    const { assign, skipped } = setUp(kafka)
    const { paused, seeks, state } = assign({ topic: [0, 1] })
    await pass(60_000)
    expect([state.isOver, [...paused], seeks]).toEqual([false, ['topic/1'], ['topic/0 40']])
    kafka.kafka.partitions['topic/1'] = { oldest: 60, end: 100 }
    await pass(A_TRY_MS)
    expect([state.isOver, [...paused], seeks]).toEqual([true, [], ['topic/0 40', 'topic/1 60']])
    expect(skipped).toEqual([['topic', 1, 50, 60]])
  })
})

describe('finding out', () => {
  it('is said, and brokers are asked for anew, where no partition has a leader', async () => {
    const kafka = setUpKafka({ 'topic/0': { oldest: 0, end: 100, hasLeader: false }, 'topic/1': { oldest: 0, end: 100, hasLeader: false } })
    const { assign, logged } = setUp(kafka)
    const { state } = assign({ topic: [0, 1] })
    await pass(0)
    expect([state.isOver, kafka.kafka.refreshed]).toEqual([false, 1])
    expect(logged).toMatchObject([{ level: 40, error: 'topic/0 has no leader' }])
  })

  it('is tried again where Kafka does not answer, with what is known of its brokers asked for anew; it is said once a minute', async () => {
    const kafka = setUpKafka({ 'topic/0': { oldest: 0, end: 100 } }, { 'topic/0': 40 })
    const { assign, logged } = setUp(kafka)
    kafka.kafka.coordinator = () => Promise.reject(new Error('no coordinator'))
    const { seeks, state, paused } = assign({ topic: [0] })
    await pass(30_000)
    expect([state.isOver, [...paused], kafka.kafka.refreshed > 2]).toEqual([false, ['topic/0'], true])
    expect(logged).toMatchObject([{ level: 40, error: 'no coordinator' }])
    kafka.kafka.coordinator = async () => {}
    await pass(A_TRY_MS)
    expect([state.isOver, seeks]).toEqual([true, ['topic/0 40']])
  })

  it('ends with the assignment, which is neither read nor counted any more', async () => {
    const kafka = setUpKafka({ 'topic/0': { oldest: 55, end: 100 } }, { 'topic/0': 40 })
    const { assign, skipped } = setUp(kafka)
    const { assignment, seeks, state, paused, tracker } = assign({ topic: [0] })
    kafka.kafka.whileAsked = () => void assignment.end()
    await pass(A_TRY_MS)
    expect([state.isOver, seeks, [...paused], tracker('topic/0').position]).toEqual([true, [], ['topic/0'], undefined])
    expect(skipped).toEqual([])
  })

  it('ends with an assignment that nothing could be found out of', async () => {
    const kafka = setUpKafka({ 'topic/0': { oldest: 0, end: 100 } })
    const { assign } = setUp(kafka)
    kafka.kafka.coordinator = () => Promise.reject(new Error('no coordinator'))
    const { assignment, state } = assign({ topic: [0] })
    await pass(5000)
    assignment.end()
    await pass(A_TRY_MS)
    expect(state.isOver).toBe(true)
  })
})

describe('a new group that is to begin at the newest messages', () => {
  const two = () => setUpKafka({ 'topic/0': { oldest: 0, end: 100 }, 'topic/1': { oldest: 0, end: 200 } })

  it('has that stored by its leader for all partitions at once, its own or not, before any is read', async () => {
    const { assign, stored, logged } = setUp(two(), { offsetNewest: true })
    const { seeks, paused } = assign({ topic: [1] })
    await pass(0)
    expect([stored, seeks, [...paused]]).toEqual([['topic/0 100', 'topic/1 200'], [], ['topic/1']])
    await pass(A_TRY_MS)
    expect([stored, seeks, [...paused]]).toEqual([['topic/0 100', 'topic/1 200'], ['topic/1 200'], []])
    expect(logged).toMatchObject([{ level: 30 }])
  })

  it('is one that Kafka knows no offset of, -1 included', async () => {
    const kafka = two()
    kafka.kafka.committed['topic/0'] = -1
    const { assign, stored } = setUp(kafka, { offsetNewest: true })
    assign({ topic: [0] })
    await pass(0)
    expect(stored).toEqual(['topic/0 100', 'topic/1 200'])
  })

  it('waits until Kafka has confirmed the leader: before that a commit could not be fenced', async () => {
    const { assign, stored, committer } = setUp(two(), { offsetNewest: true })
    committer.membership = undefined
    assign({ topic: [0] })
    await pass(5000)
    expect(stored).toEqual([])
    committer.membership = { generation: 1, memberId: 'me', isHeartbeat: true }
    await pass(A_TRY_MS)
    expect(stored).toEqual(['topic/0 100', 'topic/1 200'])
  })

  it('has its other members wait for the leader', async () => {
    const kafka = two()
    const { assign, stored } = setUp(kafka, { offsetNewest: true })
    const { seeks } = assign({ topic: [0] }, { isLeader: false })
    await pass(9000)
    expect([stored, seeks]).toEqual([[], []])
    Object.assign(kafka.kafka.committed, { 'topic/0': 90, 'topic/1': 190 })
    await pass(A_TRY_MS)
    expect([stored, seeks]).toEqual([[], ['topic/0 90']])
  })

  it('is begun by another member where the leader does not in ten seconds', async () => {
    const { assign, stored } = setUp(two(), { offsetNewest: true })
    const { seeks } = assign({ topic: [0] }, { isLeader: false })
    await pass(10_000 + 2 * A_TRY_MS)
    expect([stored, seeks]).toEqual([['topic/0 100', 'topic/1 200'], ['topic/0 100']])
  })

  it('is begun again where it could not be stored', async () => {
    const { assign, stored, committer, logged } = setUp(two(), { offsetNewest: true })
    committer.refusal = new Error('not coordinator')
    const { seeks } = assign({ topic: [0] })
    await pass(2000)
    expect([stored, seeks]).toEqual([[], []])
    expect(logged).toMatchObject([{ level: 40, error: 'not coordinator' }])
    committer.refusal = undefined
    await pass(2 * A_TRY_MS)
    expect([stored, seeks]).toEqual([['topic/0 100', 'topic/1 200'], ['topic/0 100']])
  })

  it('reads what appears later from its oldest message', async () => {
    const kafka = two()
    const { assign, stored } = setUp(kafka, { offsetNewest: true })
    assign({ topic: [0, 1] })
    await pass(A_TRY_MS)
    kafka.kafka.partitions['topic/2'] = { oldest: 0, end: 30 }
    const { seeks } = assign({ topic: [0, 1, 2] })
    await pass(0)
    expect([stored.length, seeks]).toEqual([2, ['topic/0 100', 'topic/1 200', 'topic/2 0']])
  })

  it('reads its first topic from the oldest message where that came after the process, and stores that before it reads', async () => {
    const kafka = setUpKafka({})
    const { assign, stored, committer } = setUp(kafka, { offsetNewest: true })
    assign({})
    await pass(0)
    kafka.kafka.partitions['topic/0'] = { oldest: 0, end: 30 }
    committer.membership = undefined
    const { seeks } = assign({ topic: [0] })
    await pass(5000)
    expect([stored, seeks]).toEqual([[], []])
    committer.membership = { generation: 1, memberId: 'me', isHeartbeat: true }
    await pass(A_TRY_MS)
    expect([stored, seeks]).toEqual([['topic/0 0'], ['topic/0 0']])
  })

  it('is begun without a partition that has no leader for longer than an election takes: that one is read from its oldest message', async () => {
    const kafka = two()
    kafka.kafka.partitions['topic/1'] = { oldest: 0, end: 200, hasLeader: false }
    const { assign, stored, logged } = setUp(kafka, { offsetNewest: true })
    const { seeks } = assign({ topic: [0, 1] })
    await pass(4500)
    expect([stored, seeks]).toEqual([[], []])
    await pass(3 * A_TRY_MS)
    expect([stored, seeks]).toEqual([['topic/0 100'], ['topic/0 100']])
    expect(logged.filter(({ partitions }) => partitions !== undefined)).toMatchObject([{ level: 40, partitions: ['topic/1'] }])
    kafka.kafka.partitions['topic/1'] = { oldest: 0, end: 200 }
    await pass(A_TRY_MS)
    expect(seeks).toEqual(['topic/0 100', 'topic/1 0'])
  })

  it('is begun at the newest messages of all where an election is over soon', async () => {
    const kafka = two()
    kafka.kafka.partitions['topic/1'] = { oldest: 0, end: 200, hasLeader: false }
    const { assign, stored } = setUp(kafka, { offsetNewest: true })
    assign({ topic: [0, 1] })
    await pass(2000)
    kafka.kafka.partitions['topic/1'] = { oldest: 0, end: 200 }
    await pass(A_TRY_MS)
    expect(stored).toEqual(['topic/0 100', 'topic/1 200'])
  })
})

describe('a topic that was deleted and made anew', () => {
  const begun = async (partitions: readonly number[] = [0]) => {
    const kafka = setUpKafka(Object.fromEntries([0, 1].map((partition) => [`topic/${partition}`, { oldest: 0, end: 100 }])), {
      'topic/0': 40,
      'topic/1': 40,
    })
    kafka.kafka.ids = { topic: 'old' }
    const process = setUp(kafka)
    const first = process.assign({ topic: partitions })
    await pass(0)
    return { ...kafka, ...process, first }
  }

  it('is read from its beginning, though what was committed of the old one is within it', async () => {
    const { kafka, assign, logged, stored } = await begun()
    kafka.ids = { topic: 'new' }
    const { seeks, tracker } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    expect([seeks, tracker('topic/0').topicId, tracker('topic/0').position]).toEqual([['topic/0 0'], 'new', 0])
    expect(logged).toMatchObject([{ level: 50, topic: 'topic', partition: 0 }])
    expect(stored).toEqual(['topic/0 0'])
  })

  it('is read from its beginning in a partition that this process has not had before, too', async () => {
    const { kafka, assign } = await begun([0])
    kafka.ids = { topic: 'new' }
    const { seeks } = assign({ topic: [1] })
    await pass(A_TRY_MS)
    expect(seeks).toEqual(['topic/1 0'])
  })

  it('is read from its beginning in a partition that this process has not had before, where nothing was committed of the one it had', async () => {
    const { kafka, cluster } = await begun([])
    delete kafka.committed['topic/0']
    const { assign } = setUp({ kafka, cluster })
    assign({ topic: [0] })
    await pass(0)
    kafka.ids = { topic: 'new' }
    const { seeks } = assign({ topic: [1] })
    await pass(A_TRY_MS)
    expect(seeks).toEqual(['topic/1 0'])
  })

  it('is gone on with in a partition that another member has begun', async () => {
    const { kafka, assign } = await begun([0])
    kafka.ids = { topic: 'new' }
    const { tracker } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    kafka.committed['topic/0'] = tracker('topic/0').committed = 12
    const { seeks } = assign({ topic: [1] })
    await pass(A_TRY_MS)
    expect(seeks).toEqual(['topic/1 40'])
  })

  it.each([[[0, 1]], [[0]]])(
    'is read from its beginning in a partition whose leader comes later, too, where it had %j before',
    async (before) => {
      const { kafka, assign } = await begun(before)
      kafka.ids = { topic: 'new' }
      kafka.partitions['topic/1'] = { oldest: 0, end: 100, hasLeader: false }
      const { seeks, tracker } = assign({ topic: [0, 1] })
      await pass(2 * A_TRY_MS)
      // Without an id the watch leaves it alone: what is paused is begun here.
      expect([seeks, tracker('topic/1').topicId]).toEqual([['topic/0 0'], undefined])
      kafka.partitions['topic/1'] = { oldest: 0, end: 100 }
      await pass(A_TRY_MS)
      expect(seeks).toEqual(['topic/0 0', 'topic/1 0'])
    },
  )

  it('is gone on with at the next join, whether anything of it was written by then or not', async () => {
    const { kafka, assign, logged } = await begun([0])
    kafka.ids = { topic: 'new' }
    assign({ topic: [0] })
    await pass(A_TRY_MS)
    const { seeks } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    kafka.committed['topic/0'] = 12
    const { seeks: last } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    expect([seeks, last]).toEqual([['topic/0 0'], ['topic/0 12']])
    expect(logged).toHaveLength(1)
  })

  it('waits until Kafka has confirmed the member, which makes the group forget what was committed of the old one', async () => {
    const { kafka, assign, committer, stored } = await begun([0])
    kafka.ids = { topic: 'new' }
    committer.membership = undefined
    const { seeks } = assign({ topic: [0] })
    await pass(5000)
    expect([seeks, stored]).toEqual([[], []])
    committer.membership = { generation: 2, memberId: 'me', isHeartbeat: true }
    await pass(A_TRY_MS)
    expect([seeks, stored]).toEqual([['topic/0 0'], ['topic/0 0']])
  })

  it('lets what retention has taken of another topic be counted once while it waits', async () => {
    const { kafka, assign, committer, skipped } = await begun([0])
    Object.assign(kafka, { ids: { topic: 'new', other: 'same' } })
    kafka.partitions['other/0'] = { oldest: 50, end: 100 }
    kafka.committed['other/0'] = 40
    committer.membership = undefined
    assign({ topic: [0], other: [0] })
    await pass(5000)
    committer.membership = { generation: 2, memberId: 'me', isHeartbeat: true }
    await pass(A_TRY_MS)
    expect(skipped).toEqual([['other', 0, 40, 50]])
  })

  it('has nothing to forget where Kafka has deleted what was committed with it', async () => {
    const { kafka, assign, committer, stored } = await begun([0])
    kafka.ids = { topic: 'new' }
    delete kafka.committed['topic/0']
    committer.membership = undefined
    const { seeks } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    expect([seeks, stored]).toEqual([['topic/0 0'], []])
  })

  it('is gone on with where the watch had found it, and something of it was committed since', async () => {
    const { kafka, assign, logged, first } = await begun([0])
    kafka.ids = { topic: 'new' }
    const renewed = first.assignment.renewTracker(first.tracker('topic/0'))
    renewed.topicId = 'new'
    renewed.begin(0, undefined)
    kafka.committed['topic/0'] = renewed.committed = 12
    first.assignment.end()
    const { seeks } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    expect([seeks, logged]).toEqual([['topic/0 12'], []])
  })

  it('is read from its beginning again where the watch had found it, and nothing of it was committed since', async () => {
    const { kafka, assign, first } = await begun([0])
    kafka.ids = { topic: 'new' }
    const renewed = first.assignment.renewTracker(first.tracker('topic/0'))
    renewed.topicId = 'new'
    renewed.begin(0, undefined)
    first.assignment.end()
    const { seeks } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    expect(seeks).toEqual(['topic/0 0'])
  })

  it('cannot be told from the old one where Kafka does not tell ids', async () => {
    const { kafka, assign, logged } = await begun()
    kafka.ids = undefined
    const { seeks } = assign({ topic: [0] })
    await pass(A_TRY_MS)
    expect([seeks, logged]).toEqual([['topic/0 40'], []])
  })
})
