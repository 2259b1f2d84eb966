import { expect, it } from 'vitest'
import { RefreshJudge } from '../../../../src/cloud-foundry/enricher/refresh-judge.ts'

/** `count` guids, beginning with number `from`. */
const list = (count: number, from = 0) => new Set(Array.from({ length: count }, (_, index) => `guid-${from + index}`))

/** Whether each of the lists, one after the other, is believed. */
function verdicts(good: number, ...lists: readonly ReadonlySet<string>[]): boolean[] {
  const judge = new RefreshJudge(good)
  return lists.map((guids) => judge.judge(guids) === undefined)
}

it('believes a list of at least half of the last good one', () => {
  expect(verdicts(10, list(10), list(5), list(3), list(2))).toEqual([true, true, true, true])
  expect(verdicts(5, list(3))).toEqual([true])
  expect(verdicts(5, list(2))).toEqual([false])
})

it('measures by the last good list, not by the last one', () => {
  expect(verdicts(10, list(4), list(2), list(4), list(5))).toEqual([false, false, false, true])
})

it('believes three in a row that agree, and from then on measures by them', () => {
  expect(verdicts(10, list(3), list(3), list(3), list(2), list(1))).toEqual([false, false, true, true, true])
})

it('begins to count anew where a list disagrees', () => {
  expect(verdicts(10, list(3), list(3), list(3, 100), list(3, 100), list(3, 100))).toEqual([false, false, false, false, true])
  expect(verdicts(10, list(3), list(3), list(0), list(3), list(3), list(3))).toEqual([false, false, false, false, false, true])
})

it('lets a few apps come and go among lists that agree', () => {
  expect(verdicts(1000, list(100), list(100, 5), list(100, 10))).toEqual([false, false, true])
  expect(verdicts(1000, list(100), list(100, 20), list(100, 40))).toEqual([false, false, false])
})

it('never believes an empty list', () => {
  expect(verdicts(1, ...Array.from({ length: 9 }, () => list(0)))).toEqual(Array.from({ length: 9 }, () => false))
})

it('lets an extra list end the suspicion by its size, but not be one of three', () => {
  const judge = new RefreshJudge(10)
  for (let i = 0; i < 5; i++) expect(judge.judge(list(3), true)).toMatch('returned 3 apps, and the last good one 10')
  expect(judge.judge(list(6), true)).toBeUndefined()
})
