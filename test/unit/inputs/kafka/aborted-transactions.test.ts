import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FetchedBatch, leaveOutAborted } from '../../../../src/inputs/kafka/aborted-transactions.ts'

const batch = (lastOffset: number, producerId: string, inTransaction = true): FetchedBatch => ({
  lastOffset,
  producerId,
  inTransaction,
  isControl: false,
  isAbortMarker: false,
  isLeftOut: false,
})
const marker = (lastOffset: number, producerId: string, isAbortMarker: boolean): FetchedBatch => ({
  ...batch(lastOffset, producerId),
  isControl: true,
  isAbortMarker,
  isLeftOut: true,
})

/** Offsets of the messages that are left. */
function left(batches: readonly FetchedBatch[], transactions: readonly (readonly [string, number])[]): number[] {
  leaveOutAborted(
    batches,
    transactions.map(([producerId, firstOffset]) => ({ producerId, firstOffset: String(firstOffset) })),
  )
  return batches.filter(({ isLeftOut }) => !isLeftOut).map(({ lastOffset }) => lastOffset)
}

test('of interleaved transactions, listed in the order of their markers, no aborted message comes through', () => {
  const messages = [batch(0, 'a'), batch(1, 'b'), batch(2, 'c', false), marker(3, 'b', true), batch(4, 'a'), marker(5, 'a', true)]
  expect(left(messages, [['b', 1], ['a', 0]])).toEqual([2]) // biome-ignore format: a table
})

test('two that begin within one batch are both taken in', () => {
  expect(left([batch(9, 'a', false), batch(10, 'a'), batch(11, 'b')], [['a', 3], ['b', 5]])).toEqual([9]) // biome-ignore format: a table
})

test('what a producer sends after its abort is another transaction', () => {
  const messages = [batch(0, 'a'), marker(1, 'a', true), batch(2, 'a'), marker(3, 'a', false)]
  expect(left(messages, [['a', 0]])).toEqual([2])
})

test('whatever interleaves, just the messages of committed transactions and of none are left', () => {
  const step = fc.record({ producer: fc.nat(3), kind: fc.constantFrom('send', 'send', 'send', 'plain', 'commit', 'abort') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(20), (steps, from) => {
      const log: FetchedBatch[] = []
      const open = new Map<number, number[]>()
      const kept: number[] = []
      const aborted: [string, number][] = []
      const end = (producer: number, isAbort: boolean) => {
        const offsets = open.get(producer)
        if (offsets === undefined) return
        open.delete(producer)
        if (isAbort) aborted.push([String(producer), offsets[0] as number])
        else kept.push(...offsets)
        log.push(marker(log.length, String(producer), isAbort))
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
        log.findIndex((batch) => batch.lastOffset > first && batch.isAbortMarker && batch.producerId === producer)
      const listed = aborted.filter(([producer, first]) => markers(producer, first) >= from)
      expect(left(fetched, listed)).toEqual(kept.filter((offset) => offset >= from).sort((a, b) => a - b))
    }),
    { numRuns: 500 },
  )
})
