import { expect, test } from 'vitest'
import { type Partition, partitionRows } from '../../../../src/debug/page/partition-rows.ts'

const partition = (topic: string, number: number, lag: number | null = 0, inFlight = 0, oldestSeconds = 0): Partition => ({
  topic,
  partition: number,
  position: 0,
  committed: 0,
  high_watermark: 0,
  lag,
  in_flight: inFlight,
  oldest_unacked_seconds: oldestSeconds,
})
const names = (partitions: readonly Partition[]) => partitions.map(({ topic, partition }) => `${topic}/${partition}`)

test('a few are in their order, numbers as numbers, wherever the lag is', () => {
  const { shown } = partitionRows([partition('b', 0, 9), partition('a', 10), partition('a', 9, 5)], '')
  expect(names(shown)).toEqual(['a/9', 'a/10', 'b/0'])
})

test('of many, the twenty most behind; those not known yet are last', () => {
  const many = Array.from({ length: 500 }, (_, i) => partition('t', i, i === 499 ? null : i))
  const { shown, matching, maxLag } = partitionRows(many, '')
  expect(names(shown)).toEqual(Array.from({ length: 20 }, (_, i) => `t/${498 - i}`))
  expect(matching).toEqual({ count: 500, lag: (498 * 499) / 2, inFlight: 0, oldestSeconds: 0 })
  expect(maxLag).toBe(498)
})

test('where lags are equal the oldest message decides, then the name: rows stay where they are', () => {
  const many = Array.from({ length: 30 }, (_, i) => partition('t', 29 - i, 1, 0, i === 0 ? 2 : 0))
  expect(names(partitionRows(many, '').shown).slice(0, 3)).toEqual(['t/29', 't/0', 't/1'])
})

test('a filter is any part of topic/partition, every word of it; totals are of what fits', () => {
  const rows = [partition('cf-logs', 1, 3, 4, 5), partition('cf-logs', 11, 2, 1, 9), partition('cf-metrics', 1, 7)]
  expect(names(partitionRows(rows, 'LOGS/1').shown)).toEqual(['cf-logs/1', 'cf-logs/11'])
  expect(names(partitionRows(rows, ' cf /11').shown)).toEqual(['cf-logs/11'])
  expect(partitionRows(rows, 'logs').matching).toEqual({ count: 2, lag: 5, inFlight: 5, oldestSeconds: 9 })
  expect(partitionRows(rows, 'nothing').shown).toEqual([])
})
