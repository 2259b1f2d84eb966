import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readmeWithVariables } from '../../dev/readme-variables.ts'

it('the README has the table of variables that the code has (npm run readme writes it)', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(readme).toContain('`CFMR_KAFKA_BROKERS`')
  expect(readmeWithVariables(readme)).toBe(readme)
})
