import type { Cluster, EachBatchPayload } from 'kafkajs'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ledger } from '../../../../../src/flow/ledger.ts'
import { Run } from '../../../../../src/flow/run.ts'
import { Committer } from '../../../../../src/inputs/kafka/group/committer.ts'
import { Assignment } from '../../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../../src/inputs/offsets/bell.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

type Topics = readonly {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
}[]

/** A commit that Kafka has not answered yet. */
interface Asked {
  /** 'own' is kafkajs's own commit, whose generation is whatever is current. */
  readonly generation: number | 'own'
  readonly memberId: string | undefined
  readonly offsets: string
  accept(): Promise<void>
  refuse(type: string): Promise<void>
}

/** A member with partition 0 of the topics a and b, whose commits the test answers. */
function setUp() {
  const logged: Record<string, unknown>[] = []
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const assignment = new Assignment({ a: [0], b: [0] }, new Ledger(), new Bell())
  for (const tracker of assignment.trackers) tracker.begin(0, 0)
  const asked: Asked[] = []
  const ask = (generation: number | 'own', memberId: string | undefined, topics: Topics) =>
    new Promise<void>((resolve, reject) => {
      asked.push({
        generation,
        memberId,
        offsets: topics
          .flatMap(({ topic, partitions }) => partitions.map(({ partition, offset }) => `${topic}/${partition} ${offset}`))
          .join(),
        accept: () => settled(resolve),
        refuse: (type) => settled(() => reject(Object.assign(new Error(type), { type }))),
      })
    })
  const coordinator = {
    offsetCommit: ({ groupGenerationId, memberId, topics }: { groupGenerationId: number; memberId: string; topics: Topics }) =>
      ask(groupGenerationId, memberId, topics),
  }
  const kafka = { findCoordinator: async () => {} }
  const cluster = {
    findGroupCoordinator: async () => {
      await kafka.findCoordinator()
      return coordinator
    },
  }
  const life = {
    cluster: cluster as unknown as Cluster | undefined,
    commitOffsets: (async ({ topics }: { topics: Topics }) => ask('own', undefined, topics)) as unknown as
      | EachBatchPayload['commitOffsetsIfNecessary']
      | undefined,
  }
  const committer = new Committer({ groupId: 'group', life: () => life, log })
  committer.membership = { generation: 7, memberId: 'me', isHeartbeat: true }
  const tracker = (topic: string) => assignment.tracker(topic, 0) ?? fail()
  /** `count` more messages of a topic are written. */
  const write = (topic: string, count: number) => {
    const from = tracker(topic).position ?? 0
    const run = new Run(
      Array.from({ length: count }, (_, index) => ({ offset: from + index })),
      from + count,
      0,
    )
    tracker(topic).add(run)
    run.settle(0, count)
  }
  /** The request that waits for an answer; there must be one only. */
  const request = async (): Promise<Asked> => {
    await turn()
    expect(asked.length).toBe(1)
    return asked.shift() ?? fail()
  }
  return { committer, assignment, tracker, write, asked, request, life, kafka, logged }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function settled(settle: () => void): Promise<void> {
  settle()
  await turn()
}

function fail(): never {
  throw new Error('not there')
}

describe('a commit', () => {
  it('sends what is written of all topics in one request, as the member of the generation that Kafka confirmed', async () => {
    const { committer, assignment, tracker, write, request } = setUp()
    write('a', 5)
    write('b', 3)
    const commit = committer.commit(assignment)
    const sent = await request()
    expect(sent).toMatchObject({ generation: 7, memberId: 'me', offsets: 'a/0 5,b/0 3' })
    expect([committer.isBusy, tracker('a').committed]).toEqual([true, 0])
    await sent.accept()
    expect([await commit, committer.isBusy, tracker('a').committed, tracker('b').committed]).toEqual(['stored', false, 5, 3])
  })

  it('is stored without a request where Kafka has it all', async () => {
    const { committer, assignment, asked } = setUp()
    expect([await committer.commit(assignment), asked]).toEqual(['stored', []])
  })

  it('waits for the one that is under way, and collects what was written meanwhile', async () => {
    const { committer, assignment, write, request, asked } = setUp()
    write('a', 5)
    const commits = [committer.commit(assignment), committer.commit(assignment), committer.commit(assignment)]
    const first = await request()
    write('a', 5)
    await turn()
    expect(asked).toEqual([])
    await first.accept()
    const second = await request()
    expect(second.offsets).toBe('a/0 10')
    await second.accept()
    expect([await Promise.all(commits), asked]).toEqual([['stored', 'stored', 'stored'], []])
  })

  it('marks as stored what was sent, not what was written while Kafka was asked', async () => {
    const { committer, assignment, tracker, write, request } = setUp()
    write('a', 5)
    void committer.commit(assignment)
    const sent = await request()
    write('a', 5)
    await sent.accept()
    expect([tracker('a').committed, tracker('a').uncommitted]).toEqual([5, 10])
  })

  it('has the generation of when its offsets were collected, also where the group has gone on by the time that the coordinator is found', async () => {
    const { committer, assignment, write, request, kafka } = setUp()
    kafka.findCoordinator = async () => {
      committer.membership = { generation: 8, memberId: 'me', isHeartbeat: true }
    }
    write('a', 5)
    void committer.commit(assignment)
    expect((await request()).generation).toBe(7)
  })

  it('is kafkajs’s own before Kafka has confirmed the member, and waits where there is none either', async () => {
    const { committer, assignment, tracker, write, request, life, logged } = setUp()
    committer.membership = undefined
    write('a', 5)
    const own = committer.commit(assignment)
    const sent = await request()
    expect(sent).toMatchObject({ generation: 'own', offsets: 'a/0 5' })
    await sent.accept()
    expect([await own, tracker('a').committed]).toEqual(['stored', 5])
    life.commitOffsets = undefined
    write('a', 5)
    expect(await committer.commit(assignment)).toBe('failed')
    expect(logged).toMatchObject([{ level: 40, error: 'Kafka has not confirmed this member yet' }])
  })
})

describe('a commit of an assignment that has ended', () => {
  it('is fenced without a request', async () => {
    const { committer, assignment, write, asked } = setUp()
    write('a', 5)
    assignment.end()
    expect([await committer.commit(assignment), asked]).toEqual(['fenced', []])
  })

  it('is fenced where it waited for another one meanwhile', async () => {
    const { committer, assignment, write, request, asked } = setUp()
    write('a', 5)
    void committer.commit(assignment)
    const second = committer.commit(assignment)
    const first = await request()
    write('a', 5)
    assignment.end()
    await first.accept()
    expect([await second, asked]).toEqual(['fenced', []])
  })

  it('is never sent with the generation of the next one, topic by topic either', async () => {
    const { committer, assignment, tracker, write, request, asked } = setUp()
    write('a', 5)
    write('b', 3)
    const commit = committer.commit(assignment)
    const all = await request()
    assignment.end()
    committer.membership = { generation: 8, memberId: 'me', isHeartbeat: true }
    await all.refuse('UNKNOWN_TOPIC_OR_PARTITION')
    expect([asked, tracker('a').committed, tracker('b').committed]).toEqual([[], 0, 0])
    expect(await commit).toBe('fenced')
  })
})

describe('a refused commit', () => {
  for (const type of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']) {
    it(`is fenced by ${type}: nothing counts as stored, and nobody has to act`, async () => {
      const { committer, assignment, tracker, write, request, logged } = setUp()
      write('a', 5)
      const commit = committer.commit(assignment)
      await (await request()).refuse(type)
      expect([await commit, tracker('a').committed, logged]).toEqual(['fenced', 0, []])
    })
  }

  it('has failed for any other reason: it is said once a minute, and collected again with what came since', async () => {
    const { committer, assignment, tracker, write, request, logged } = setUp()
    write('a', 5)
    for (let time = 0; time < 3; time++) {
      const commit = committer.commit(assignment)
      await (await request()).refuse('GROUP_LOAD_IN_PROGRESS')
      expect([await commit, tracker('a').committed]).toEqual(['failed', 0])
    }
    expect(logged).toMatchObject([{ level: 40, error: 'GROUP_LOAD_IN_PROGRESS' }])
    write('a', 1)
    void committer.commit(assignment)
    const again = await request()
    expect(again.offsets).toBe('a/0 6')
    await again.accept()
    expect(tracker('a').committed).toBe(6)
  })

  it('has failed where the coordinator is not found, and the next one looks for it anew', async () => {
    const { committer, assignment, write, request, kafka, asked } = setUp()
    kafka.findCoordinator = async () => {
      throw new Error('connection refused')
    }
    write('a', 5)
    expect([await committer.commit(assignment), asked]).toEqual(['failed', []])
    kafka.findCoordinator = async () => {}
    void committer.commit(assignment)
    expect((await request()).offsets).toBe('a/0 5')
  })
})

describe('a deleted topic', () => {
  it('has nothing to commit, and the others are stored one by one', async () => {
    const { committer, assignment, tracker, write, request, logged } = setUp()
    write('a', 5)
    write('b', 3)
    const commit = committer.commit(assignment)
    await (await request()).refuse('UNKNOWN_TOPIC_OR_PARTITION')
    const first = await request()
    expect(first.offsets).toBe('a/0 5')
    await first.refuse('UNKNOWN_TOPIC_OR_PARTITION')
    const second = await request()
    expect(second.offsets).toBe('b/0 3')
    await second.accept()
    expect([await commit, tracker('a').uncommitted, tracker('b').committed]).toEqual(['stored', undefined, 3])
    expect(logged).toMatchObject([{ level: 40, topic: 'a' }])
  })

  it('does not hide that another topic was fenced or has failed', async () => {
    for (const [type, outcome] of [
      ['ILLEGAL_GENERATION', 'fenced'],
      ['NOT_COORDINATOR', 'failed'],
    ] as const) {
      // biome-ignore format: a table
      const { committer, assignment, tracker, write, request } = setUp()
      write('a', 5)
      write('b', 3)
      const commit = committer.commit(assignment)
      await (await request()).refuse('UNKNOWN_TOPIC_OR_PARTITION')
      await (await request()).refuse('UNKNOWN_TOPIC_OR_PARTITION')
      await (await request()).refuse(type)
      expect([await commit, tracker('b').committed]).toEqual([outcome, 0])
    }
  })
})

describe('where partitions begin', () => {
  const start = [{ topic: 'a', partitions: [{ partition: 0, offset: '40' }] }]

  it('is stored, and rejects where Kafka refuses it', async () => {
    const { committer, assignment, request } = setUp()
    const stored = committer.commitStart(assignment, start)
    const sent = await request()
    expect(sent).toMatchObject({ generation: 7, offsets: 'a/0 40' })
    await sent.accept()
    await stored
    const refused = expect(committer.commitStart(assignment, start)).rejects.toThrow('NOT_COORDINATOR')
    await (await request()).refuse('NOT_COORDINATOR')
    await refused
    expect(committer.isBusy).toBe(false)
  })

  it('waits for a commit that is under way, and a commit waits for it, refused or not', async () => {
    const { committer, assignment, write, request, asked } = setUp()
    write('a', 5)
    void committer.commit(assignment)
    const beginning = committer.commitStart(assignment, start)
    const first = await request()
    expect(asked).toEqual([])
    await first.accept()
    const second = await request()
    expect(second.offsets).toBe('a/0 40')
    write('b', 3)
    const last = committer.commit(assignment)
    await turn()
    expect([asked, committer.isBusy]).toEqual([[], true])
    const refused = expect(beginning).rejects.toThrow('NOT_COORDINATOR')
    await second.refuse('NOT_COORDINATOR')
    await refused
    const third = await request()
    expect(third.offsets).toBe('b/0 3')
    await third.accept()
    expect(await last).toBe('stored')
  })

  it('is not stored for an assignment that ended while it waited', async () => {
    const { committer, assignment, write, request, asked } = setUp()
    write('a', 5)
    void committer.commit(assignment)
    const beginning = committer.commitStart(assignment, start)
    const first = await request()
    assignment.end()
    await first.accept()
    await beginning
    expect(asked).toEqual([])
  })
})
