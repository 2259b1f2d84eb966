import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { steadyNowMs } from '../../../src/lib/steady-clock.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('goes on evenly while the clock on the wall is set by hours', () => {
  const before = steadyNowMs()
  vi.setSystemTime(Date.now() + 5 * 3_600_000)
  expect(steadyNowMs() - before).toBe(0)
  vi.setSystemTime(Date.now() - 9 * 3_600_000)
  vi.advanceTimersByTime(1500)
  expect(steadyNowMs() - before).toBeCloseTo(1500, 3)
})
