import { expect, test } from 'vitest'
import { FetchFence } from '../../../../../src/inputs/kafka/group/fetch-fence.ts'

test('what was asked for before a join and arrives after it is stale, until that broker is asked again', () => {
  const fence = new FetchFence()
  fence.raise()
  fence.started(1)
  fence.started(2)
  fence.ended(1, 0)
  expect(fence.isStale(0)).toBe(false)
  fence.raise()
  fence.ended(2, 0)
  expect(fence.isStale(0)).toBe(true)
  fence.started(2)
  fence.ended(2, 1)
  expect(fence.isStale(1)).toBe(false)
})

test('a broker that never answers again does not hold the others for ever', () => {
  const fence = new FetchFence()
  fence.started(1)
  fence.raise()
  fence.ended(1, 0)
  expect(fence.isStale(10_000)).toBe(true)
  expect(fence.isStale(10_001)).toBe(false)
})
