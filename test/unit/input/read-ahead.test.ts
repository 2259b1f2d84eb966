import { expect, test } from 'vitest'
import { Assignment } from '../../../src/input/assignment.ts'
import { Bell } from '../../../src/input/bell.ts'
import { ReadAhead } from '../../../src/input/read-ahead.ts'
import { Ledger } from '../../../src/ledger.ts'

function setUp(limits: { readonly maxInFlight?: number; readonly maxInFlightBytes?: number } = {}) {
  const bell = new Bell()
  const ledger = new Ledger()
  const assignment = new Assignment({ topic: [0] }, ledger, bell)
  const tracker = assignment.tracker('topic', 0)
  if (tracker === undefined) throw new Error('not assigned')
  tracker.begin(0, undefined)
  const readAhead = new ReadAhead({
    maxInFlight: 1000,
    maxInFlightBytes: 2 ** 20,
    deliverySize: 10,
    filled: bell,
    emptied: bell,
    ...limits,
  })
  const add = (sizes: readonly number[]) => {
    const from = tracker.position ?? 0
    const messages = sizes.map((size, index) => ({ offset: String(from + index), value: Buffer.alloc(size) }))
    readAhead.add(assignment, tracker, messages, from + sizes.length)
  }
  const takeAll = () => {
    const deliveries = []
    for (let delivery = readAhead.take(); delivery !== undefined; delivery = readAhead.take()) deliveries.push(delivery)
    return deliveries
  }
  return { ledger, assignment, tracker, readAhead, add, takeAll }
}

test('a batch becomes deliveries of the size asked for, in order', () => {
  const { add, takeAll } = setUp()
  add(Array.from({ length: 25 }, () => 1))
  expect(takeAll().map(({ messages }) => messages.map(({ offset }) => Number(offset)))).toEqual([
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    [20, 21, 22, 23, 24],
  ])
})

test('a large message travels alone, so that its bytes count for as long as it is in flight', () => {
  const { add, takeAll, assignment } = setUp()
  add([1, 1, 100_000, 1])
  const deliveries = takeAll()
  expect(deliveries.map(({ messages }) => messages.length)).toEqual([2, 1, 1])
  deliveries[0]?.receipt.settle('written', 0, 2)
  deliveries[2]?.receipt.settle('written', 0)
  expect([assignment.inFlight, assignment.inFlightBytes]).toEqual([1, 100_000])
})

test('what waits is not in flight and can be dropped; what is taken is', () => {
  const { add, readAhead, assignment, ledger } = setUp()
  add(Array.from({ length: 30 }, () => 1))
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
    deliveries[0]?.receipt.settle('discarded', 3)
    expect(readAhead.hasRoom(assignment)).toBe(true)
  }
})

test('an assignment that has ended counts what it abandoned, and nothing that is settled later', () => {
  const { add, takeAll, assignment, ledger } = setUp()
  add(Array.from({ length: 10 }, () => 1))
  const [delivery] = takeAll()
  delivery?.receipt.settle('written', 0, 4)
  expect(assignment.end()).toBe(6)
  delivery?.receipt.settle('written', 4, 6)
  expect([ledger.fates.written, ledger.abandoned, ledger.residue(0)]).toEqual([4, 6, 0])
})
