import type { Random } from './random.ts'

/** Bytes that mean something to JSON, to protobuf or to UTF-8. */
const TELLING_BYTES = Buffer.from('"\\{}[],:-+.eE019 nu\n\0\x08\x0a\x7f\x80\xc3\xe6\xed\xf0\xff', 'latin1')

/** One byte changed, put in or taken out. */
export function editByte(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length)
  const byte = random.below(2) === 0 ? random.below(256) : random.pick([...TELLING_BYTES])
  const removed = random.below(3)
  return splice(bytes, at, at + Math.min(removed, 1), removed === 1 ? Buffer.alloc(0) : Buffer.of(byte))
}

export function splice(bytes: Buffer, start: number, end: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(end)])
}
