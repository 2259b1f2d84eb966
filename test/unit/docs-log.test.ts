import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type LogMessage, logMessages } from '../support/log-messages.ts'

const operating = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8')
const LEVELS = { ERROR: '### ERROR', WARN: '### WARN', GaveUp: '### Why it ended' } as const

/** What stands between backquotes at the beginning of each row under that heading. */
function rowsUnder(heading: string): string[] {
  const section = operating.split(`${heading}\n`)[1]?.split(/\n##/)[0] ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, text = '']) => text)
}

const messages = logMessages()

describe.each(Object.entries(LEVELS))('docs/operating.md explains each %s that the source can write', (level, heading) => {
  const rows = rowsUnder(heading)
  const written = messages.filter((message) => message.level === level)
  /** `…` is for the reader; the place of what is filled in is the same in both. */
  const explains = (row: string, { text }: LogMessage) => text.startsWith(row)

  it('and each is in one row', () => {
    expect(written.length).toBeGreaterThan(5)
    const missing = written.filter((message) => rows.filter((row) => explains(row, message)).length !== 1)
    expect(missing.map(({ place, text }) => `${place}: ${text}`)).toEqual([])
  })

  it('and nothing that it cannot', () => {
    expect(rows.filter((row) => !written.some((message) => explains(row, message)))).toEqual([])
  })
})
