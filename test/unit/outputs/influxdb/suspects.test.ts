import { expect, it } from 'vitest'
import { suspects } from '../../../../src/outputs/influxdb/suspects.ts'
import { linesOf } from '../../../fakes/lines.ts'

const texts = [
  'http_request,app=a count=1i,duration=1 50',
  'log,app=a\\ b\\,c count=1i 20',
  'log,app=a count=1i -5',
  'instance,app=a cpu=1,memory=2i 30',
]
const found = (reason: string) => {
  const isSuspect = suspects(reason, linesOf(texts))
  return isSuspect && texts.flatMap((_, line) => (isSuspect(line) ? [line] : []))
}

it('a type conflict points at the lines of that measurement that have the field', () => {
  const conflict = (field: string, measurement: string) =>
    `partial write: field type conflict: input field "${field}" on measurement "${measurement}" is type float, already exists as type integer dropped=1`
  expect(found(conflict('count', 'log'))).toEqual([1, 2])
  expect(found(conflict('memory', 'instance'))).toEqual([3])
  expect(found(conflict('size', 'log'))).toEqual([])
})

it('max-values-per-tag points at the lines with that value', () => {
  const limit = (value: string) =>
    `partial write: max-values-per-tag limit exceeded (1/1): measurement="log" tag="app" value=${value} dropped=1`
  expect(found(limit('"a"'))).toEqual([2])
  expect(found(limit('"a b,c"'))).toEqual([1])
  expect(found(limit('"\\x00"'))).toBeUndefined()
})

it('an expired retention points at as many of the oldest', () => {
  expect(found('partial write: points beyond retention policy dropped=2')).toEqual([1, 2])
  expect(found('partial write: dropped 1 points outside retention policy of duration 1h - oldest a dropped=1 for database: cf')).toEqual([
    2,
  ])
  expect(found('partial write: points beyond retention policy dropped=9')).toEqual([0, 1, 2, 3])
})

it('other words point at nothing', () => {
  expect(found('partial write: max-series-per-database limit exceeded: (5) dropped=1')).toBeUndefined()
  expect(found('timeout')).toBeUndefined()
})
