import { readFileSync, writeFileSync } from 'node:fs'
import { variablesMarkdown } from '../src/config/manual.ts'

const README = new URL('../README.md', import.meta.url)
const BETWEEN = /(<!-- variables -->\n)[\s\S]*(<!-- \/variables -->)/

/** The README with the table of variables that the code has. */
export function readmeWithVariables(readme = readFileSync(README, 'utf8')): string {
  return readme.replace(BETWEEN, (_, begin, end) => `${begin}${variablesMarkdown().trim()}\n${end}`)
}

if (process.argv[1] === import.meta.filename) writeFileSync(README, readmeWithVariables())
