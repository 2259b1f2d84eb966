import { pino } from 'pino'
import { expect, it } from 'vitest'
import { ReplayDeadLetters } from '../../../src/dead-letters/replay.ts'
import type { DeadLetter } from '../../../src/flow/contracts.ts'

const letter = (line: number): DeadLetter => ({
  reason: 'undecodable',
  error: 'no JSON at byte 3',
  output: undefined,
  topic: 'logs/a.ndjson',
  partition: 0,
  offset: String(line),
  eventId: undefined,
  sizeBytes: 12,
  value: undefined,
})

it('names a hundred lines by file and number, and counts those behind them', async () => {
  const lines: string[] = []
  const letters = new ReplayDeadLetters({ log: pino({}, { write: (line: string) => void lines.push(line) }) })
  const all = Array.from({ length: 150 }, (_, i) => letter(i + 1))
  await letters.send(all, new AbortController().signal)
  await letters.close()
  expect(JSON.parse(lines[99] ?? '')).toMatchObject({ level: 50, file: 'logs/a.ndjson', line: 100, error: 'no JSON at byte 3' })
  expect(lines[99]).toContain('logs/a.ndjson:100 left out')
  expect(lines.slice(100).map((line) => JSON.parse(line))).toMatchObject([{ line: 101 }, { line: 150, suppressed: 48 }])
})
