import { describe, expect, test } from 'vitest'
import { History } from '../../../../src/debug/page/history.ts'
import { figuresOf, historyOf, startMs } from './figures-of.ts'

const consumed = (...counts: number[]) => historyOf(counts.map((count) => ({ ledger: { consumed: count } })))

describe('rates', () => {
  test('need two answers', () => {
    expect(new History().perSecond('consumed')).toBeUndefined()
    expect(consumed(10).perSecond('consumed')).toBeUndefined()
    expect(consumed(10, 30).perSecond('consumed')).toBe(20)
  })

  test('are over five seconds, so that batches every three do not make them jump', () => {
    expect(consumed(0, 1000, 1000, 1000, 1000, 1000, 1050).perSecond('consumed')).toBe(10)
  })

  test("go by the worker's clock: an answer that was late on its way changes nothing", () => {
    const history = new History()
    history.add(figuresOf(1, { ledger: { consumed: 0 } }), startMs + 1000)
    history.add(figuresOf(2, { ledger: { consumed: 100 } }), startMs + 2900)
    expect(history.perSecond('consumed')).toBe(100)
  })

  test('begin anew with another process', () => {
    const history = consumed(0, 500)
    history.add(figuresOf(2.5, { ledger: { consumed: 900 }, runtime: { pid: 2 } }), startMs + 3000)
    expect(history.perSecond('consumed')).toBeUndefined()
    expect(history.growth('consumed', 60)).toBe(0)
    expect(history.restartedMs).toBe(startMs + 500)
    history.add(figuresOf(3.5, { ledger: { consumed: 907 }, runtime: { pid: 2 } }), startMs + 4000)
    expect(history.perSecond('consumed')).toBe(7)
  })
})

describe('a process of the same number', () => {
  test('is another one where its uptime is shorter than before', () => {
    const history = consumed(0, 500)
    expect(history.restartedMs).toBeUndefined()
    history.add(figuresOf(0.5), startMs + 60_000)
    expect(history.restartedMs).toBe(startMs + 59_500)
  })
})

describe('columns for a chart', () => {
  test('have a hole where nobody answered, and where a process ended', () => {
    const history = consumed(1, 2)
    history.add(figuresOf(60, { ledger: { consumed: 3 } }), startMs + 60_000)
    history.add(figuresOf(1, { ledger: { consumed: 4 }, runtime: { pid: 2 } }), startMs + 61_000)
    const [times, values] = history.columns([(moment) => moment.consumed])
    expect(times.map((time) => time - startMs / 1000)).toEqual([1, 2, 31, 60, 60.5, 61])
    expect(values).toEqual([1, 2, null, 3, null, 4])
  })

  test('have a hole where no write has ended well of late', () => {
    const seconds = [0.2, 0].map((p50) => ({ outputs: { influxdb: { write_seconds: { p50 } } } }))
    const [, values] = historyOf(seconds).columns([({ p50 }) => p50])
    expect(values).toEqual([0.2, null])
  })

  test('go back ten minutes, whatever the page has been open for', () => {
    const history = consumed(...Array.from({ length: 1000 }, (_, i) => i))
    expect(history.moments.length).toBe(600)
    expect(history.perSecond('consumed')).toBe(1)
  })
})

describe('the lag', () => {
  const lags = (lagAt: (second: number) => number, seconds = 70) =>
    historyOf(Array.from({ length: seconds }, (_, second) => ({ kafka: { lag: lagAt(second) } })))

  test('grows where every third of a minute adds to it', () => {
    expect(lags((second) => 5000 + second * 10).isLagGrowing()).toBe(true)
  })

  test('does not, where it goes up and down, is small, or is known for less than a minute', () => {
    expect(lags((second) => 5000 + (second % 15) * 100).isLagGrowing()).toBe(false)
    expect(lags((second) => second).isLagGrowing()).toBe(false)
    expect(lags((second) => 5000 + second * 10, 30).isLagGrowing()).toBe(false)
  })
})
