import { PassThrough, Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { GaveUp } from '../../../src/lib/errors.ts'
import { StdoutOutput } from '../../../src/outputs/stdout/stdout.ts'
import { linesOf } from '../../fakes/lines.ts'

const lines = linesOf(['a v=1 1', 'b v=1 2'])
const never = new AbortController().signal

it('writes lines as they are, and counts them', async () => {
  const stream = new PassThrough()
  const output = new StdoutOutput(stream)
  expect(await output.write(lines, never)).toEqual([])
  expect(String(stream.read())).toBe('a v=1 1\nb v=1 2\n')
  expect(output).toMatchObject({ batches: 1, records: 2, bytes: 16, inFlight: 0 })
})

it('resolves only when the reader has taken the lines', async () => {
  let take = () => {}
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      take = done
    },
  })
  const output = new StdoutOutput(stream)
  let isOut = false
  const write = output.write(lines, never).then(() => {
    isOut = true
  })
  await new Promise(setImmediate)
  expect([isOut, output.inFlight]).toEqual([false, 1])
  take()
  await write
  expect(isOut).toBe(true)
})

it('rejects at once when it is aborted while nobody reads', async () => {
  const output = new StdoutOutput(new Writable({ write: () => {} }))
  const kill = new AbortController()
  const write = output.write(lines, kill.signal)
  kill.abort(new Error('stopping'))
  await expect(write).rejects.toThrow('stopping')
})

it('gives up when the reader is gone, now and later', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })) })
  const output = new StdoutOutput(stream)
  await expect(output.write(lines, never)).rejects.toThrow(GaveUp)
  await expect(output.write(lines, never)).rejects.toThrow(/stdout takes no more lines/)
  expect(output.notReady()).toHaveLength(1)
})
