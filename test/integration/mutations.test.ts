import { expect, test } from 'vitest'
import { tryMutations } from '../../dev/fuzz/trials.ts'

test('200,000 spoilt messages each have one outcome, and every line that comes of them keeps to the grammar', () => {
  const counts = tryMutations(2, 200_000)
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(200_000)
  expect(Object.keys(counts).sort()).toEqual(['discarded', 'no_app_guid', 'point', 'refused', 'undecodable'])
})
