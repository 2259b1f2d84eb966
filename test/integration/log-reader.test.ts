import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { afterEach, expect, it } from 'vitest'

let child: ChildProcessByStdio<null, Readable, Readable>
afterEach(() => void child.kill('SIGKILL'))

/** Logs `lines` lines of a thousand bytes to its stdout, a pipe, then one whenever it is asked to go on; tells on stderr that it is alive. */
function start(lines: number, then: string): () => string {
  const program = `
    const { createLog, lastWords } = await import(${JSON.stringify(new URL('../../src/lib/log.ts', import.meta.url).href)})
    const log = createLog({ level: 'INFO', destination: 'stdout' })
    const text = 'x'.repeat(1000)
    for (let line = 0; line < ${lines}; line++) log.info({ line, text }, 'line')
    const ticking = setInterval(() => console.error('tick'), 5)
    ${then}`
  child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  return () => said
}

function readLog(): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((line) => JSON.parse(line)))
  })
  return lines
}

it('a log that nobody reads holds nothing; what was dropped is counted once it is read again', async () => {
  const said = start(5000, `setInterval(() => log.info('later'), 5)`)
  await expect.poll(() => said().match(/tick/g)?.length ?? 0).toBeGreaterThan(10)
  const lines = readLog()
  await expect.poll(() => lines.at(-1)?.['msg']).toBe('later')
  const kept = lines.filter(({ msg }) => msg === 'line')
  expect(kept.map(({ line }) => line)).toEqual(kept.map((_, index) => index))
  const dropped = lines.filter((line) => 'dropped' in line)
  expect(dropped[0]).toMatchObject({ level: 'WARN', msg: 'Lines of this log were dropped, since nobody read them in time' })
  const droppedLines = dropped.reduce((sum, line) => sum + Number(line['dropped']), 0)
  expect(kept.length).toBeGreaterThan(500)
  expect(kept.length + droppedLines).toBeGreaterThanOrEqual(5000)
})

it('the last words of a program that is read come whole', async () => {
  start(900, `console.error('tick'); await lastWords(log, 60_000); process.exit()`)
  await new Promise((resolve) => child.stderr.once('data', resolve))
  const lines = readLog()
  await new Promise((resolve) => child.once('exit', resolve))
  await expect.poll(() => lines.length).toBe(900)
})

it('a program whose log nobody reads ends all the same', async () => {
  start(5000, `await lastWords(log, 100); process.exit(7)`)
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(7)
})

it('a reader that goes away ends nothing', async () => {
  const said = start(10, `setInterval(() => log.info('later'), 5)`)
  await expect.poll(said).toContain('tick')
  child.stdout.destroy()
  const before = said().length
  await expect.poll(() => said().length - before).toBeGreaterThan(500)
  expect(child.exitCode).toBeNull()
})
