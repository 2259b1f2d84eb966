import type { KafkaMessage } from 'kafkajs'
import { expect, test } from 'vitest'
import { Portions } from '../../../../src/inputs/kafka/portions.ts'

/** In a format older than record batches; those are in test/property/record-batch.test.ts, and on real servers. */
const messages = (sizes: readonly number[]) =>
  sizes.map((size, index) => ({ offset: String(index), value: Buffer.alloc(size) })) as unknown as KafkaMessage[]

function takeAll(portions: Portions): (readonly number[])[] {
  const offsets = []
  while (!portions.isEmpty) offsets.push(portions.take().messages.map(({ offset }) => offset))
  return offsets
}

test('what was fetched becomes portions of at most 500 messages, in order', () => {
  const portions = takeAll(new Portions(messages(Array(1200).fill(1)), 0))
  expect(portions.map(({ length }) => length)).toEqual([500, 500, 200])
  expect(portions.flat()).toEqual(Array.from({ length: 1200 }, (_, index) => index))
})

test('a portion ends at 256 KB', () => {
  expect(takeAll(new Portions(messages(Array(20).fill(30_000)), 0)).map(({ length }) => length)).toEqual([8, 8, 4])
})

test('a large message travels alone, so that its bytes count for as long as it is in flight', () => {
  expect(takeAll(new Portions(messages([1, 1, 100_000, 1]), 0))).toEqual([[0, 1], [2], [3]])
})

test('messages before the offset wanted are left out', () => {
  expect(takeAll(new Portions(messages([1, 1, 1, 1]), 2))).toEqual([[2, 3]])
  expect(new Portions(messages([1, 1]), 2).isEmpty).toBe(true)
})
