import { expect, test } from 'vitest'
import { tryDifferences, tryMutations, tryV2Differences } from '../../dev/fuzz/trials.ts'

// 200,000 of them are among the integration tests, a million in `npm run fuzz`.
test('spoilt messages each have one outcome, and every line that comes of them keeps to the grammar', () => {
  const counts = tryMutations(1, 20_000)
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(20_000)
  expect(Object.keys(counts).sort()).toEqual(['discarded', 'no_app_guid', 'point', 'refused', 'undecodable'])
  expect(counts['point']).toBeGreaterThan(4000)
})

test('where the fast decoder is sure of an edited envelope, the exact one agrees', () => {
  const { 'sure and right': sure = 0, 'left to the exact decoder': left = 0 } = tryDifferences(1, 10_000)
  expect(sure + left).toBe(10_000)
  expect(sure).toBeGreaterThan(1000)
})

test('the same of V2, and the documents, too', () => {
  const { 'sure and right': sure = 0, 'left to the exact decoder': left = 0 } = tryV2Differences(1, 10_000)
  expect(sure + left).toBe(10_000)
  expect(sure).toBeGreaterThan(2000)
})
