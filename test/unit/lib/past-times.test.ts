import { expect, onTestFinished, test, vi } from 'vitest'
import { Bell } from '../../../src/inputs/offsets/bell.ts'
import { sleep } from '../../../src/lib/sleep.ts'

test.each([
  ['sleep', (ms: number) => sleep(ms)],
  ['a bell', (ms: number) => new Bell().wait(ms)],
])('%s waits for a time that has passed without asking Node for it, which would print a warning from version 24 on', async (_, wait) => {
  const setTimeoutSpy = vi.spyOn(globalThis, 'setTimeout')
  onTestFinished(() => setTimeoutSpy.mockRestore())
  await wait(-9.3)
  expect(setTimeoutSpy.mock.calls.map(([, ms]) => ms)).toEqual([0])
})
