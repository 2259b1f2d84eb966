import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limitedLog } from '../../../src/lib/limited-log.ts'
import { createLog } from '../../../src/lib/log.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function recorder() {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'INFO', destination: { write: (text: string) => void lines.push(JSON.parse(text)) } })
  return { limited: limitedLog(log), lines }
}

test('writes the first line at once and holds back the rest of the minute', () => {
  const { limited, lines } = recorder()
  for (let offset = 0; offset < 100; offset++) limited.error('undecodable', { offset }, 'undecodable message')
  expect(lines).toEqual([expect.objectContaining({ level: 'ERROR', offset: 0, msg: 'undecodable message' })])
  expect(lines[0]).not.toHaveProperty('suppressed')
})

test('counts what it held back once a minute, though nothing more happens', async () => {
  const { limited, lines } = recorder()
  for (let offset = 0; offset < 100; offset++) limited.error('undecodable', { offset }, 'undecodable message')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(lines.slice(1)).toEqual([expect.objectContaining({ offset: 99, suppressed: 98 })])
  await vi.advanceTimersByTimeAsync(600_000)
  expect(lines).toHaveLength(2)
})

test('goes on once a minute while it goes on, and starts afresh after a quiet minute', async () => {
  const { limited, lines } = recorder()
  for (let second = 0; second < 180; second++) {
    limited.warn('slow', { second }, 'slow')
    await vi.advanceTimersByTimeAsync(1000)
  }
  await vi.advanceTimersByTimeAsync(120_000)
  limited.warn('slow', { second: 300 }, 'slow')
  const told = lines.reduce((sum, line) => sum + 1 + Number(line['suppressed'] ?? 0), 0)
  expect(told).toBe(181)
  expect(lines).toHaveLength(5)
  expect(lines.at(-1)).not.toHaveProperty('suppressed')
})

test('limits each key and each level on its own', () => {
  const { limited, lines } = recorder()
  limited.warn('a', {}, 'a')
  limited.warn('b', {}, 'b')
  limited.error('a', {}, 'worse')
  limited.warn('a', {}, 'a')
  expect(lines.map((line) => line['msg'])).toEqual(['a', 'b', 'worse'])
})

test('tells at the end what it still holds back', () => {
  const { limited, lines } = recorder()
  for (let i = 0; i < 5; i++) limited.warn('a', { i }, 'a')
  limited.flush()
  limited.flush()
  expect(lines.slice(1)).toEqual([expect.objectContaining({ i: 4, suppressed: 3 })])
})

test('another cause is another line, at once; the same one is held back, whatever numbers are in it', async () => {
  const { limited, lines } = recorder()
  const asks = (error: unknown) => limited.warn('ask', { error }, 'Cloud Controller does not answer')
  asks('status 401 after 12 ms')
  asks(new Error('status 404 after 7 ms'))
  asks('status 401 after 1234 ms')
  asks('status 404 for 6ba7b810-9dad-11d1-80b4-00c04fd430c8')
  asks('status 404 for 6ba7b810-0000-11d1-80b4-00c04fd430c8')
  expect(lines.map((line) => line['error'])).toEqual([
    'status 401 after 12 ms',
    'status 404 after 7 ms',
    'status 404 for 6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  ])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(lines.slice(3)).toEqual([
    expect.objectContaining({ error: 'status 401 after 1234 ms', suppressed: 0 }),
    expect.objectContaining({ error: 'status 404 for 6ba7b810-0000-11d1-80b4-00c04fd430c8', suppressed: 0 }),
  ])
})

test('causes without end do not make lines without end, and none goes uncounted', async () => {
  const { limited, lines } = recorder()
  const word = (i: number) => String.fromCharCode(97 + (i % 26), 97 + Math.floor(i / 26))
  for (let i = 0; i < 200; i++) limited.error('refused', { error: `no ${word(i)}` }, 'refused')
  expect(lines).toHaveLength(9)
  await vi.advanceTimersByTimeAsync(300_000)
  const told = lines.reduce((sum, line) => sum + 1 + Number(line['suppressed'] ?? 0), 0)
  expect(told).toBe(200)
  limited.error('refused', { error: 'no zz' }, 'refused')
  expect(lines.at(-1)).not.toHaveProperty('suppressed')
})
