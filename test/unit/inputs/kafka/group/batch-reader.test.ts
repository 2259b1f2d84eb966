import type { EachBatchPayload } from 'kafkajs'
import { pino } from 'pino'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Ledger } from '../../../../../src/flow/ledger.ts'
import { DamagedBytes } from '../../../../../src/inputs/kafka/damaged-bytes.ts'
import { BatchReader, type BatchReaderOptions } from '../../../../../src/inputs/kafka/group/batch-reader.ts'
import { ReadAhead } from '../../../../../src/inputs/kafka/read-ahead.ts'
import { type Fetched, readRecordSet } from '../../../../../src/inputs/kafka/record-set.ts'
import { Assignment } from '../../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../../src/inputs/offsets/bell.ts'
import { recordBatch, recordBatchBytes } from '../../../../support/record-batches.ts'

/** A member that has just been given one partition, whose position is at 0; what surrounds the reader is driven by the test. */
function setUp() {
  const bell = new Bell()
  const ledger = new Ledger()
  const assignment = new Assignment({ topic: [0] }, ledger, bell)
  const tracker = assignment.tracker('topic', 0)
  if (tracker === undefined) throw new Error('not assigned')
  tracker.begin(0, undefined)
  const readAhead = new ReadAhead({ maxInFlight: 1000, maxInFlightBytes: 2 ** 20, filled: bell, emptied: bell })
  const seeks: number[] = []
  const gaps: [number, number][] = []
  const logged: Record<string, unknown>[] = []
  const member = { isReading: true, isSure: async () => true, refused: 0 }
  const options: BatchReaderOptions = {
    life: () => ({ fetchedMs: 0, seek: (_topic, _partition, offset) => void seeks.push(offset) }),
    membership: {
      assignment,
      isReading: (asked) => member.isReading && asked.isOpen,
      isSure: () => member.isSure(),
      refuse: async () => void member.refused++,
    },
    readAhead,
    watch: { sawHighWatermark: () => {}, sawGap: (_tracker, from, to) => void gaps.push([from, to]), lookSoon: () => {} },
    log: pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    bell,
  }
  const reader = new BatchReader(options)
  const taken = () => {
    const deliveries = []
    for (let delivery = readAhead.take(); delivery !== undefined; delivery = readAhead.take()) deliveries.push(delivery)
    return deliveries
  }
  const values = () => taken().flatMap(({ messages }) => messages.map(({ value }) => String(value)))
  return { bell, ledger, assignment, tracker, readAhead, seeks, gaps, logged, member, reader, taken, values }
}

/** What kafkajs hands over of a fetch from offset `from`. */
function payload(from: number, batches: readonly Fetched[], heartbeat = async () => {}) {
  const resolved: string[] = []
  const batch = { topic: 'topic', partition: 0, highWatermark: '1000000', fetchedOffset: String(from), rawMessages: batches }
  const all = { batch, heartbeat, resolveOffset: (offset: string) => void resolved.push(offset) }
  return { resolved, payload: all as unknown as EachBatchPayload }
}

let scene: ReturnType<typeof setUp>
beforeEach(() => {
  scene = setUp()
})

describe('a batch that has what comes next', () => {
  it('is handed over, and kafkajs goes on behind it', async () => {
    const { resolved, payload: fetched } = payload(0, [await recordBatch(0, ['a', 'b']), await recordBatch(2, ['c'])])
    await scene.reader.read(fetched)
    expect(scene.values()).toEqual(['a', 'b', 'c'])
    expect([scene.tracker.position, resolved]).toEqual([3, ['2']])
  })

  it('is not taken where the partition is given away while Kafka is asked whether this is still a member', async () => {
    const { member, assignment } = scene
    member.isSure = async () => {
      assignment.end()
      return true
    }
    const { resolved, payload: fetched } = payload(0, [await recordBatch(0, ['a'])])
    await scene.reader.read(fetched)
    expect([scene.values(), resolved]).toEqual([[], []])
  })

  it('is not taken while the member joins again', async () => {
    scene.member.isReading = false
    const { resolved, payload: fetched } = payload(0, [await recordBatch(0, ['a'])])
    await scene.reader.read(fetched)
    expect([scene.values(), resolved, scene.member.refused]).toEqual([[], [], 1])
  })

  it('is left in the middle when the position is moved while there is no room', async () => {
    const { tracker, bell, readAhead } = scene
    const values = Array.from({ length: 40 }, (_, number) => `${number} ${'x'.repeat(40_000)}`)
    const { resolved, payload: fetched } = payload(0, [await recordBatch(0, values)])
    const reading = scene.reader.read(fetched)
    await vi.waitFor(() => expect(tracker.position).toBeGreaterThan(10))
    const before = tracker.position ?? 0
    expect(before).toBeLessThan(40)
    tracker.skip(before + 5)
    readAhead.clear()
    bell.ring()
    await reading
    expect([tracker.position, resolved]).toEqual([before + 5, []])
  })

  it('hears of a rebalance by a heartbeat while there is no room', async () => {
    const rebalance = new Error('rebalance')
    const values = Array.from({ length: 40 }, (_, number) => `${number} ${'x'.repeat(40_000)}`)
    const { payload: fetched } = payload(0, [await recordBatch(0, values)], async () => {
      throw rebalance
    })
    await expect(scene.reader.read(fetched)).rejects.toBe(rebalance)
  })
})

describe('a gap', () => {
  it('is believed when it comes twice, and told to the watch', async () => {
    const fetched = async () => payload(0, [await recordBatch(5, ['f'])]).payload
    await scene.reader.read(await fetched())
    expect([scene.values(), scene.seeks, scene.gaps]).toEqual([[], [0], []])
    await scene.reader.read(await fetched())
    expect([scene.values(), scene.tracker.position, scene.gaps]).toEqual([['f'], 6, [[0, 5]]])
  })

  it('of a stale batch is not: what comes from the position itself is read', async () => {
    await scene.reader.read(payload(9, [await recordBatch(9, ['stale'])]).payload)
    await scene.reader.read(payload(0, [await recordBatch(0, ['a'])]).payload)
    expect([scene.values(), scene.tracker.position, scene.gaps]).toEqual([['a'], 1, []])
  })

  it('is none where the batch was read before by the fetcher of another broker', async () => {
    const fetched = async () => payload(0, [await recordBatch(0, ['a'])]).payload
    await scene.reader.read(await fetched())
    await scene.reader.read(await fetched())
    expect([scene.values(), scene.tracker.position]).toEqual([['a'], 1])
  })
})

describe('a record batch that cannot be read', () => {
  const damaged = async (base: number, values: readonly string[]): Promise<Fetched> => {
    const [first] = await readRecordSet(await recordBatchBytes(base, values, { damage: true }))
    if (!(first instanceof DamagedBytes)) throw new Error('it is sound')
    return first
  }

  it('is asked for again where its checksum is wrong, and read where it comes sound then', async () => {
    await scene.reader.read(payload(0, [await recordBatch(0, ['a']), await damaged(1, ['b', 'c']), await recordBatch(3, ['d'])]).payload)
    expect([scene.values(), scene.seeks, scene.tracker.position]).toEqual([['a'], [0], 1])
    await scene.reader.read(payload(1, [await recordBatch(1, ['b', 'c']), await recordBatch(3, ['d'])]).payload)
    expect([scene.values(), scene.logged]).toEqual([['b', 'c', 'd'], []])
  })

  it('is handed over as one where it comes damaged twice, with as many messages as it has, and what is behind it is read', async () => {
    for (let time = 0; time < 2; time++) {
      await scene.reader.read(payload(0, [await damaged(0, ['a', 'b', 'c']), await recordBatch(3, ['d'])]).payload)
    }
    const [dead, sound] = scene.taken()
    expect(dead).toMatchObject({ messages: [], unreadable: { first: 0, last: 2, count: 3, codec: 'none' } })
    expect(sound?.messages.map(({ offset }) => offset)).toEqual([3])
    expect(scene.ledger.consumed).toBe(4)
    dead?.ack.settle('undecodable', 0, 3)
    expect(scene.tracker.ready).toBe(3)
    expect(scene.logged).toMatchObject([{ topic: 'topic', partition: 0, first_offset: 0, last_offset: 2, messages: 3 }])
  })

  it('counts only from the position on', async () => {
    scene.tracker.begin(1, 1)
    for (let time = 0; time < 2; time++) await scene.reader.read(payload(1, [await damaged(0, ['a', 'b', 'c'])]).payload)
    expect(scene.taken()).toMatchObject([{ unreadable: { first: 1, last: 2, count: 2 } }])
  })
})

describe('an answer that brings only what was read before', () => {
  const batches = async () => [await recordBatch(0, ['a', 'b']), await recordBatch(2, ['c', 'd'])]

  it('is asked for on from its last message, so that what is damaged behind it comes along, and then from its end', async () => {
    scene.tracker.begin(4, 4)
    const back = payload(0, await batches())
    await scene.reader.read(back.payload)
    expect([scene.seeks, back.resolved]).toEqual([[3], []])
    const last = () => recordBatch(2, ['c', 'd'])
    for (let time = 0; time < 2; time++) await scene.reader.read(payload(3, [await last()]).payload)
    const { payload: fetched, resolved } = payload(3, [await last()])
    await scene.reader.read(fetched)
    expect([scene.values(), scene.tracker.position, resolved]).toEqual([[], 4, ['3']])
  })
})

describe('a batch that is not where it says it is', () => {
  it('is asked for again, then it cannot be read, and what is behind it is', async () => {
    for (let time = 0; time < 2; time++) {
      const answer = [await recordBatch(0, ['a']), await recordBatch(65, ['b', 'c']), await recordBatch(3, ['d'])]
      await scene.reader.read(payload(0, answer).payload)
    }
    const [first, unreadable, last] = scene.taken()
    expect([first, last].map((delivery) => delivery?.messages.map(({ offset }) => offset))).toEqual([[0], [3]])
    expect(unreadable).toMatchObject({
      unreadable: {
        first: 1,
        last: 2,
        count: 2,
        problem: 'its header says that it has the offsets 65 to 66, and what is behind it begins at 3',
      },
    })
    expect([scene.tracker.position, scene.seeks]).toEqual([4, [0]])
  })

  it('in the middle of which reading begins is asked for twice, and then believed', async () => {
    scene.tracker.begin(1, 1)
    const answer = async () => payload(1, [await recordBatch(0, ['a', 'b'])]).payload
    await scene.reader.read(await answer())
    expect([scene.values(), scene.seeks]).toEqual([[], [1]])
    await scene.reader.read(await answer())
    expect([scene.values(), scene.tracker.position]).toEqual([['b'], 2])
  })
})

describe('compressed batches', () => {
  it('are opened one after the other where what they become reaches the limit, whichever partition they are of', async () => {
    const { readAhead, bell } = scene
    const large = () => recordBatch(0, [`a ${'x'.repeat(2 ** 20)}`, 'b', 'c'], { gzip: true })
    readAhead.openBytes = 2 ** 20
    const { resolved, payload: fetched } = payload(0, [await large()])
    const reading = scene.reader.read(fetched)
    await new Promise(setImmediate)
    expect([readAhead.openBytes, scene.taken()]).toEqual([2 ** 20, []])
    readAhead.openBytes = 0
    bell.ring()
    await vi.waitFor(() => expect(scene.tracker.position).toBeGreaterThan(0))
    for (const { ack, messages } of scene.taken()) ack.settle('written', 0, messages.length)
    await reading
    expect([resolved, readAhead.openBytes]).toEqual([['2'], 0])
  })
})
