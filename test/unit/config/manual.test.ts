import { expect, test } from 'vitest'
import { variablesMarkdown, variablesText } from '../../../src/config/manual.ts'
import { VARIABLE_NAMES, VARIABLES } from '../../../src/config/variables.ts'

test('the manual has every variable with type, default and description', () => {
  const lines = variablesText().split('\n')
  for (const name of VARIABLE_NAMES) {
    const at = lines.findIndex((line) => line.startsWith(`  ${name}  (`))
    const { kind, defaultText } = VARIABLES[name]
    expect(lines[at]).toContain(kind)
    if (defaultText !== undefined) expect(lines[at]).toContain(`; default ${defaultText})`)
    expect(lines[at + 1]).toMatch(/^ {6}\S/)
  }
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(110)
})

test('the table for the README has a row for every variable', () => {
  const rows = variablesMarkdown().trim().split('\n').slice(2)
  expect(rows.map((row) => /^\| `(\w+)` \|/.exec(row)?.[1])).toEqual(VARIABLE_NAMES)
  expect(rows).toContain('| `CFMR_BATCHER_FLUSHINTERVAL` | duration | 3s | A batch is never older than this. |')
})
