import { expect, test } from 'vitest'
import { Scratch } from '../../../../src/cloud-foundry/decode/scratch.ts'

test('keeps all that was appended while it grows', () => {
  const scratch = new Scratch()
  const long = '日'.repeat(10_000)
  const first = scratch.append('12')
  const second = scratch.append(long)
  expect(Buffer.from(scratch.bytes).toString('utf8', 0, first)).toBe('12')
  expect(Buffer.from(scratch.bytes).toString('utf8', first, second)).toBe(long)
  expect(String.fromCharCode(scratch.view.getUint8(1))).toBe('2')
})

test('can be read in whole words behind the last text, however long that is', () => {
  const scratch = new Scratch()
  for (let size = 3900; size < 4200; size++) {
    scratch.clear()
    const end = scratch.append('x'.repeat(size))
    expect(scratch.view.byteLength - end).toBeGreaterThanOrEqual(64)
  }
})

test('lets the memory of one large message go', () => {
  const scratch = new Scratch()
  scratch.append('x'.repeat(1_000_000))
  scratch.clear()
  expect(scratch.bytes.length).toBeLessThan(10_000)
})
