import { expect, test } from 'vitest'
import { Ledger } from '../../../../src/flow/ledger.ts'
import { ReadAhead, type ReadAheadOptions } from '../../../../src/inputs/kafka/read-ahead.ts'
import { Assignment } from '../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../src/inputs/offsets/bell.ts'

function setUp(limits: Partial<Pick<ReadAheadOptions, 'maxInFlight' | 'maxInFlightBytes' | 'keptBytes'>> = {}) {
  const bell = new Bell()
  const ledger = new Ledger()
  const assignment = new Assignment({ topic: [0] }, ledger, bell)
  const tracker = assignment.tracker('topic', 0)
  if (tracker === undefined) throw new Error('not assigned')
  tracker.begin(0, undefined)
  const readAhead = new ReadAhead({
    maxInFlight: 1000,
    maxInFlightBytes: 2 ** 20,
    filled: bell,
    emptied: bell,
    ...limits,
  })
  const add = (sizes: readonly number[]) => {
    const from = tracker.position ?? 0
    const messages = sizes.map((size, index) => ({ offset: from + index, value: Buffer.alloc(size) }))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    readAhead.add(assignment, tracker, { messages, bytes, next: from + sizes.length })
  }
  const takeAll = () => {
    const deliveries = []
    for (let delivery = readAhead.take(); delivery !== undefined; delivery = readAhead.take()) deliveries.push(delivery)
    return deliveries
  }
  return { ledger, assignment, tracker, readAhead, add, takeAll }
}

test('what waits is not in flight and can be dropped; what is taken is', () => {
  const { add, readAhead, assignment, ledger } = setUp()
  for (let i = 0; i < 3; i++) add(Array.from({ length: 10 }, () => 1))
  expect([ledger.consumed, assignment.inFlight]).toEqual([0, 0])
  readAhead.take()
  readAhead.clear()
  expect([ledger.consumed, assignment.inFlight]).toEqual([10, 10])
  expect(readAhead.take()).toBeUndefined()
})

test('there is no room at either limit, waiting messages included, and room again when they are settled', () => {
  for (const limits of [{ maxInFlight: 20 }, { maxInFlightBytes: 20 }]) {
    const { add, takeAll, readAhead, assignment } = setUp(limits)
    add(Array.from({ length: 15 }, () => 1))
    expect(readAhead.hasRoom(assignment)).toBe(true)
    const deliveries = takeAll()
    add(Array.from({ length: 5 }, () => 1))
    expect(readAhead.hasRoom(assignment)).toBe(false)
    deliveries[0]?.ack.settle('discarded', 3)
    expect(readAhead.hasRoom(assignment)).toBe(true)
  }
})

test('what outputs keep of messages counts with them, and leaves room when it is gone', () => {
  let kept = 15
  const { add, readAhead, assignment } = setUp({ maxInFlightBytes: 20, keptBytes: () => kept })
  add([4])
  expect([readAhead.hasRoom(assignment), readAhead.isAtLimit(assignment)]).toEqual([true, false])
  add([1])
  expect([readAhead.hasRoom(assignment), readAhead.isAtLimit(assignment)]).toEqual([false, true])
  kept = 0
  expect(readAhead.hasRoom(assignment)).toBe(true)
})

test('an assignment that has ended counts what it abandoned, and nothing that is settled later', () => {
  const { add, takeAll, assignment, ledger } = setUp()
  add(Array.from({ length: 10 }, () => 1))
  const [delivery] = takeAll()
  delivery?.ack.settle('written', 0, 4)
  expect(assignment.end()).toBe(6)
  delivery?.ack.settle('written', 4, 6)
  expect([ledger.fates.written, ledger.abandoned, ledger.residue(0)]).toEqual([4, 6, 0])
})
