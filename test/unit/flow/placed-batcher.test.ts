import { expect, test } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { PlacedBatcher } from '../../../src/flow/placed-batcher.ts'
import { RecordedAck } from '../../fakes/lines.ts'

function setUp(maxBytes: number) {
  const written: { readonly batch: Batch; readonly end: () => void }[] = []
  const keptWhenFreed: number[] = []
  const batcher = new PlacedBatcher({
    flushMessages: 1000,
    flushIntervalMs: 60_000,
    maxBytes,
    maxWrites: 1,
    keepsValues: false,
    write: (batch) => new Promise<void>((end) => written.push({ batch, end })),
    freed: () => keptWhenFreed.push(batcher.keptBytes),
  })
  const add = (place: string, text: string) => {
    batcher.buffer.reserve(text.length)
    batcher.buffer.appendAscii(text)
    batcher.add(new RecordedAck(), 0, Buffer.from(text), place)
  }
  return { batcher, add, written, keptWhenFreed }
}

test('each place has a batch of its own, one is written after the other, and what is not written is kept', async () => {
  const { batcher, add, written, keptWhenFreed } = setUp(10)
  add('a', '1234')
  add('b', '12345')
  expect([batcher.keptBytes, written.length]).toEqual([9, 0])
  add('a', '567890')
  expect(written.map(({ batch }) => [batch.place, batch.sizeBytes])).toEqual([['a', 10]])
  add('b', '67890')
  expect([batcher.keptBytes, written.length]).toEqual([20, 1])
  written[0]?.end()
  await expect.poll(() => written.length).toBe(2)
  written[1]?.end()
  await batcher.drain()
  expect(keptWhenFreed).toEqual([10, 0])
})
