import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { Batcher, type BatcherOptions } from '../../../src/flow/batcher.ts'
import { RecordedAck, textsOf } from '../../fakes/lines.ts'

interface Write {
  readonly texts: readonly string[]
  end(): void
  fail(error: Error): void
}

let writes: Write[]
beforeEach(() => {
  writes = []
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())

function batcher(options: Partial<BatcherOptions> = {}): Batcher {
  const write = (batch: Batch) =>
    new Promise<void>((resolve, reject) => void writes.push({ texts: textsOf(batch), end: resolve, fail: reject }))
  return new Batcher({ flushMessages: 3, flushIntervalMs: 1000, maxWrites: 2, keepsValues: false, write, ...options })
}

const ack = new RecordedAck()
function add(to: Batcher, ...texts: string[]): void {
  for (const text of texts) {
    to.open.lines.appendText(`${text}\n`)
    to.add(ack, 0, Buffer.from('message'))
  }
}
const written = () => writes.map(({ texts }) => texts.join(''))
/** Whether a promise has settled by now, and how. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'pending'
  promise.then(
    () => {
      state = 'resolved'
    },
    (error: Error) => {
      state = error.message
    },
  )
  await vi.advanceTimersByTimeAsync(0)
  return state
}

it('writes a batch when it is full, and fills the next meanwhile', () => {
  const b = batcher()
  add(b, 'a', 'b', 'c', 'd')
  expect(written()).toEqual(['abc'])
  expect(b.open.count).toBe(1)
})

it('writes a batch that is old enough, counted from its first line', async () => {
  const b = batcher()
  await vi.advanceTimersByTimeAsync(5000)
  add(b, 'a')
  await vi.advanceTimersByTimeAsync(600)
  add(b, 'b')
  await vi.advanceTimersByTimeAsync(399)
  expect(written()).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(written()).toEqual(['ab'])
  add(b, 'c')
  await vi.advanceTimersByTimeAsync(999)
  expect(written()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(written()).toEqual(['ab', 'c'])
})

it('writes a batch when its bytes, or those of the messages kept with it, pass the limit', () => {
  const lines = batcher({ flushMessages: 100, maxBytes: 10 })
  add(lines, '12345', '1234')
  expect(written()).toEqual(['123451234'])
  const messages = batcher({ flushMessages: 100, maxBytes: 20, keepsValues: true })
  add(messages, '1', '2', '3')
  expect(written()).toEqual(['123451234', '123'])
})

it('is full while all writes are under way, and has space when one ends', async () => {
  const b = batcher()
  add(b, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')
  expect(b.isFull).toBe(false)
  add(b, 'i')
  expect(b.isFull).toBe(true)
  const space = b.space()
  expect(await stateOf(space)).toBe('pending')
  expect(written()).toEqual(['abc', 'def'])
  writes[1]?.end()
  expect(await stateOf(space)).toBe('resolved')
  expect(written()).toEqual(['abc', 'def', 'ghi'])
  expect(b.isFull).toBe(false)
})

it('goes on filling an old batch while all writes are under way, and writes it as soon as one ends', async () => {
  const b = batcher({ maxWrites: 1, flushMessages: 10 })
  add(b, 'a')
  b.flush()
  add(b, 'b')
  await vi.advanceTimersByTimeAsync(5000)
  add(b, 'c')
  writes[0]?.end()
  await vi.advanceTimersByTimeAsync(0)
  expect(written()).toEqual(['a', 'bc'])
})

it('drains: all that is open is written, and all writes have ended', async () => {
  const b = batcher({ maxWrites: 1 })
  add(b, 'a', 'b', 'c', 'd')
  const drained = b.drain()
  writes[0]?.end()
  expect(await stateOf(drained)).toBe('pending')
  expect(written()).toEqual(['abc', 'd'])
  writes[1]?.end()
  expect(await stateOf(drained)).toBe('resolved')
  expect(await stateOf(b.drain())).toBe('resolved')
})

it('uses a batch again only after its write has ended', async () => {
  const b = batcher()
  const first = b.open
  add(b, 'a', 'b', 'c')
  add(b, 'd', 'e', 'f')
  expect(b.open).not.toBe(first)
  writes[0]?.end()
  await vi.advanceTimersByTimeAsync(0)
  add(b, 'g', 'h', 'i')
  expect(b.open).toBe(first)
  expect(first.count).toBe(0)
})

it('fails once for good: whoever waits hears of the first error, and nothing more is written', async () => {
  const b = batcher({ maxWrites: 2 })
  add(b, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')
  const [space, drained] = [b.space(), b.drain()]
  for (const promise of [space, drained]) promise.catch(() => {})
  writes[0]?.fail(new Error('gave up'))
  writes[1]?.fail(new Error('too'))
  for (const promise of [b.failure, space, drained]) expect(await stateOf(promise)).toBe('gave up')
  expect(await stateOf(b.space())).toBe('gave up')
  expect(await stateOf(b.drain())).toBe('gave up')
  await vi.advanceTimersByTimeAsync(5000)
  expect(written()).toHaveLength(2)
})
