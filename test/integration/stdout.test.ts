import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { afterEach, expect, it } from 'vitest'

let child: ChildProcessByStdio<null, Readable, Readable>
afterEach(() => void child.kill('SIGKILL'))

/** Writes a million bytes to its stdout, a pipe, and tells on stderr that it is alive, and how it ended. */
const program = `
  const { StdoutOutput } = await import(${JSON.stringify(new URL('../../src/outputs/stdout/stdout.ts', import.meta.url).href)})
  const ticking = setInterval(() => console.error('tick'), 5)
  const lines = { count: 1, bytes: Buffer.alloc(1e6, 'x'), endOf: () => 1e6 }
  try {
    await new StdoutOutput().write(lines, new AbortController().signal)
    console.error('written')
  } catch (error) {
    console.error(error.name, error.message)
  }
  clearInterval(ticking)`

function start(): () => string {
  child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  return () => said
}

it('a stalled reader holds the write back and nothing else', async () => {
  const said = start()
  await expect.poll(() => said().match(/tick/g)?.length ?? 0).toBeGreaterThan(10)
  expect(said()).not.toContain('written')
  let size = 0
  child.stdout.on('data', (chunk) => {
    size += chunk.length
  })
  await expect.poll(said).toContain('written')
  await expect.poll(() => size).toBe(1e6)
})

it('a reader that goes away ends the write with an error in words', async () => {
  const said = start()
  await expect.poll(said).toContain('tick')
  child.stdout.destroy()
  await expect.poll(said).toMatch(/GaveUp stdout takes no more lines: write EPIPE/)
})
