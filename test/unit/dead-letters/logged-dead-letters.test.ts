import { pino } from 'pino'
import { expect, it } from 'vitest'
import { LoggedDeadLetters } from '../../../src/dead-letters/logged.ts'
import type { DeadLetter } from '../../../src/flow/contracts.ts'

const letter = (offset: number, reason: DeadLetter['reason']): DeadLetter => ({
  reason,
  error: 'no JSON at byte 3',
  output: undefined,
  topic: 'firehose',
  partition: 4,
  offset: String(offset),
  eventId: undefined,
  sizeBytes: 123,
  value: Buffer.from('the content'),
})

it('names the first of each kind at once and counts the others, never showing the content', async () => {
  const lines: string[] = []
  const letters = new LoggedDeadLetters({ log: pino({}, { write: (line: string) => void lines.push(line) }) })
  await letters.send(
    Array.from({ length: 1000 }, (_, i) => letter(i, i % 10 === 0 ? 'refused' : 'undecodable')),
    new AbortController().signal,
  )
  await letters.close()

  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 50, topic: 'firehose', partition: 4, offset: '0', reason: 'refused', size_bytes: 123, error: 'no JSON at byte 3' },
    { level: 50, offset: '1', reason: 'undecodable' },
    { level: 50, offset: '990', suppressed: 98 },
    { level: 50, offset: '999', suppressed: 898 },
  ])
  expect(lines.join()).not.toContain('the content')
})

it('rejects what comes after the signal aborted', async () => {
  const letters = new LoggedDeadLetters({ log: pino({ enabled: false }) })
  await expect(letters.send([letter(1, 'refused')], AbortSignal.abort(new Error('over')))).rejects.toThrow('over')
})
