import { afterEach, expect, it, vi } from 'vitest'
import { WriteFigures } from '../../../src/outputs/write-figures.ts'

class Output extends WriteFigures {
  store(seconds: number): void {
    this.countStored(10, 1000, seconds)
  }
}

afterEach(() => {
  vi.useRealTimers()
})

it('has no times before the first write', () => {
  expect(new Output().writeSeconds()).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 })
})

it('gives percentiles of the latest 1,000 writes by the nearest rank', () => {
  const output = new Output()
  for (let i = 1; i <= 100; i++) output.store(i)
  expect(output.writeSeconds()).toEqual({ p50: 50, p90: 90, p99: 99, max: 100 })
  for (let i = 0; i < 1000; i++) output.store(0.5)
  expect(output.writeSeconds()).toEqual({ p50: 0.5, p90: 0.5, p99: 0.5, max: 0.5 })
  expect(output).toMatchObject({ records: 11_000, bytes: 1_100_000 })
})

it('forgets what is older than five minutes: an outage is over when it is over', () => {
  vi.useFakeTimers()
  const output = new Output()
  output.store(60)
  vi.advanceTimersByTime(4 * 60_000)
  output.store(0.5)
  expect(output.writeSeconds()).toEqual({ p50: 0.5, p90: 60, p99: 60, max: 60 })
  vi.advanceTimersByTime(61_000)
  expect(output.writeSeconds()).toEqual({ p50: 0.5, p90: 0.5, p99: 0.5, max: 0.5 })
  vi.advanceTimersByTime(4 * 60_000)
  expect(output.writeSeconds()).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 })
})
