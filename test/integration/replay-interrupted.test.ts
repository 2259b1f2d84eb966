import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { shared } from '../support/shared.ts'
import { sampleAppsApi } from '../support/worker.ts'

const COUNT = 3000
const FIRST = 2000
const mix = loadMix()
const lines = Array.from({ length: COUNT }, (_, number) => `${mix.envelope(number)}\n`)
const pointsOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => mix.kind(from + index)).filter((kind) => kind !== 'discarded').length

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const env = { ...process.env, CFMR_CF_API: sampleAppsApi, CFMR_OUTPUT: 'stdout', CFMR_BATCHER_FLUSHINTERVAL: '100ms' }
let folder: string

beforeAll(async () => {
  await shared('program')
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('says at Ctrl-C where to go on from, and goes on there: each line of the whole once; how far it is, in plain lines', async () => {
  const child = spawn(process.execPath, [main, 'replay', '-'], { env })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  child.stdin.write(lines.slice(0, FIRST).join(''))
  const linesOut = () => output.stdout.split('\n').length - 1
  await waitUntil('what came is written', () => linesOut() === pointsOf(0, FIRST))
  await waitUntil('a line says how far it is', () => /^replay: -:\d+, [\d.]+ MB\/s$/m.test(output.stderr))
  child.kill('SIGINT')
  expect(await ended, output.stderr).toBe(0)
  expect(output.stderr).toContain(`go on with --from -:${FIRST + 1}`)

  const rest = execFileSync(process.execPath, [main, 'replay', '--from', `-:${FIRST + 1}`, '-'], {
    env,
    input: lines.join(''),
    encoding: 'utf8',
  })
  const whole = execFileSync(process.execPath, [main, 'replay', '-'], { env, input: lines.join(''), encoding: 'utf8' })
  expect(output.stdout + rest).toBe(whole)
  expect(whole.split('\n')).toHaveLength(pointsOf(0, COUNT) + 1)
})

it('draws a bar on a terminal, with rate and time left, and ends it at 100 %', () => {
  const file = join(folder, 'all.ndjson')
  writeFileSync(file, lines.join(''))
  const points = join(folder, 'points')
  const command = `${process.execPath} ${main} replay ${file} > ${points}`
  const terminal = execFileSync('script', ['-qec', command, '/dev/null'], { env, encoding: 'utf8' })
  expect(terminal).toMatch(/100% \| [\d.]+ MB\/s \| \S+ left \| .*all\.ndjson:\d+/)
  expect(readFileSync(points, 'utf8').split('\n')).toHaveLength(pointsOf(0, COUNT) + 1)
})
