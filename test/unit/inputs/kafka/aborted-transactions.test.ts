import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FetchedMessage, leaveOutAborted } from '../../../../src/inputs/kafka/aborted-transactions.ts'

const ABORT_KEY = Buffer.from([0, 0, 0, 0])
const COMMIT_KEY = Buffer.from([0, 0, 0, 1])

const batch = (offset: number, producerId: string, inTransaction = true): FetchedMessage => ({
  offset: String(offset),
  key: null,
  isControlRecord: false,
  batchContext: { producerId, inTransaction },
})
const marker = (offset: number, producerId: string, key: Buffer): FetchedMessage => ({
  ...batch(offset, producerId),
  key,
  isControlRecord: true,
})

/** Offsets of the messages that are left. */
function left(messages: readonly FetchedMessage[], transactions: readonly (readonly [string, number])[]): number[] {
  leaveOutAborted(
    messages,
    transactions.map(([producerId, firstOffset]) => ({ producerId, firstOffset: String(firstOffset) })),
  )
  return messages.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset))
}

test('of interleaved transactions, listed in the order of their markers, no aborted message comes through', () => {
  const messages = [batch(0, 'a'), batch(1, 'b'), batch(2, 'c', false), marker(3, 'b', ABORT_KEY), batch(4, 'a'), marker(5, 'a', ABORT_KEY)]
  expect(left(messages, [['b', 1], ['a', 0]])).toEqual([2]) // biome-ignore format: a table
})

test('two that begin within one batch are both taken in', () => {
  expect(left([batch(9, 'a', false), batch(10, 'a'), batch(11, 'b')], [['a', 3], ['b', 5]])).toEqual([9]) // biome-ignore format: a table
})

test('what a producer sends after its abort is another transaction', () => {
  const messages = [batch(0, 'a'), marker(1, 'a', ABORT_KEY), batch(2, 'a'), marker(3, 'a', COMMIT_KEY)]
  expect(left(messages, [['a', 0]])).toEqual([2])
})

test('whatever interleaves, just the messages of committed transactions and of none are left', () => {
  const step = fc.record({ producer: fc.nat(3), kind: fc.constantFrom('send', 'send', 'send', 'plain', 'commit', 'abort') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(20), (steps, from) => {
      const log: FetchedMessage[] = []
      const open = new Map<number, number[]>()
      const kept: number[] = []
      const aborted: [string, number][] = []
      const end = (producer: number, isAbort: boolean) => {
        const offsets = open.get(producer)
        if (offsets === undefined) return
        open.delete(producer)
        if (isAbort) aborted.push([String(producer), offsets[0] as number])
        else kept.push(...offsets)
        log.push(marker(log.length, String(producer), isAbort ? ABORT_KEY : COMMIT_KEY))
      }
      for (const { producer, kind } of steps) {
        if (kind === 'commit' || kind === 'abort') end(producer, kind === 'abort')
        else if (kind === 'plain') {
          kept.push(log.length)
          log.push(batch(log.length, String(producer), false))
        } else {
          open.set(producer, [...(open.get(producer) ?? []), log.length])
          log.push(batch(log.length, String(producer)))
        }
      }
      for (const producer of [...open.keys()]) end(producer, true)
      const fetched = log.slice(from)
      // A broker lists those that reach into what was asked for.
      const markers = (producer: string, first: number) =>
        log.findIndex(
          ({ offset, key, batchContext }) => Number(offset) > first && key === ABORT_KEY && batchContext?.producerId === producer,
        )
      const listed = aborted.filter(([producer, first]) => markers(producer, first) >= from)
      expect(left(fetched, listed)).toEqual(kept.filter((offset) => offset >= from).sort((a, b) => a - b))
    }),
    { numRuns: 500 },
  )
})
