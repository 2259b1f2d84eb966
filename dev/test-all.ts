import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from './scratch-folder.ts'

/** `npm test`: every check and every test, whatever fails, and one line of totals at the end. Each check counts as a test. */
const totals = { passed: 0, failed: 0, skipped: 0 }

const run = (...command: readonly string[]): boolean => {
  console.log(`\n> ${command.join(' ')}`)
  return spawnSync('npx', ['--no-install', ...command], { stdio: 'inherit' }).status === 0
}

for (const check of [['biome', 'check', '--error-on-warnings'], ['tsc'], ['tsc', '-p', 'src/debug/page'], ['knip']] as const) {
  totals[run(...check) ? 'passed' : 'failed']++
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  /** False where a file could not be loaded, too. */
  readonly success: boolean
}

const reportFile = join(scratchFolder('test'), 'report.json')
const succeeded = run('vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...process.argv.slice(2))
if (existsSync(reportFile)) {
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as VitestReport
  totals.passed += report.numPassedTests
  totals.failed += report.numFailedTests
  totals.skipped += report.numPendingTests + report.numTodoTests
}
// A file that fails to load, an error outside of any test or a run that was cut short is a failure without a test's name.
if (!succeeded && totals.failed === 0) totals.failed++
rmSync(reportFile, { force: true })

console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exitCode = totals.failed === 0 ? 0 : 1
