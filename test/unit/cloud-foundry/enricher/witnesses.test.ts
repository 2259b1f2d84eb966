import { expect, it } from 'vitest'
import { Witnesses } from '../../../../src/cloud-foundry/enricher/witnesses.ts'

const none = new Set<string>()

it('knows none before it was given any', () => {
  expect(new Witnesses().next(none)).toBeUndefined()
})

it('names another one each time, so that the end of one app does not stand in the way', () => {
  const witnesses = new Witnesses()
  witnesses.choose(['a', 'b', 'c'])
  expect([1, 2, 3, 4].map(() => witnesses.next(none))).toEqual(['a', 'b', 'c', 'a'])
})

it('names none that is being asked for', () => {
  const witnesses = new Witnesses()
  witnesses.choose(['a', 'b', 'c'])
  expect([1, 2].map(() => witnesses.next(new Set(['a', 'c'])))).toEqual(['b', 'b'])
  expect(witnesses.next(new Set(['a', 'b', 'c']))).toBeUndefined()
})

it('takes its sample from the whole list, not from its beginning', () => {
  const witnesses = new Witnesses()
  witnesses.choose(Array.from({ length: 10_000 }, (_, index) => String(index)))
  const sample = Array.from({ length: 100 }, () => Number(witnesses.next(none)))
  expect(new Set(sample).size).toBe(100)
  expect(sample.filter((number) => number >= 5000).length).toBeGreaterThan(20)
})
