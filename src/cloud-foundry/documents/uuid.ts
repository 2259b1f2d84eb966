import type { ByteBuffer } from '../../lib/byte-buffer.ts'

const HEX = Buffer.from('0123456789abcdef')
const DASH = 0x2d
const ZERO = 0x30
const MILLION = 1_000_000
const TWO_32 = 2 ** 32

let low = 0
let high = 0

/** Reads up to 20 digits as the two halves of a 64-bit number. */
function read(view: DataView, start: number, end: number): void {
  low = 0
  high = 0
  for (let at = start; at < end; ) {
    const stop = Math.min(end, at + 6)
    let digits = 0
    let factor = 1
    for (; at < stop; at++) {
      digits = digits * 10 + view.getUint8(at) - ZERO
      factor *= 10
    }
    const product = low * factor + digits
    const carry = Math.floor(product / TWO_32)
    low = product - carry * TWO_32
    high = (high * factor + carry) % (TWO_32 * MILLION)
  }
}

function appendByte(byte: number, to: ByteBuffer): void {
  to.appendByte(HEX[(byte >>> 4) & 15] as number)
  to.appendByte(HEX[byte & 15] as number)
}

/**
 * Appends a UUID whose halves are decimal digits of `view`, each little-endian, as 8-4-4-4-12. The room is reserved: 36 bytes. Returns whether there is
 * one: two empty spans, and zeros, are none, and nothing is appended then.
 */
export function appendUuid(view: DataView, lowAt: number, lowEnd: number, highAt: number, highEnd: number, to: ByteBuffer): boolean {
  read(view, lowAt, lowEnd)
  const [first, second] = [low, high]
  read(view, highAt, highEnd)
  if (first === 0 && second === 0 && low === 0 && high === 0) return false
  let count = 0
  for (const word of [first, second, low, high]) {
    for (let shift = 0; shift < 32; shift += 8) {
      if (count === 4 || count === 6 || count === 8 || count === 10) to.appendByte(DASH)
      appendByte((word >>> shift) & 0xff, to)
      count++
    }
  }
  return true
}
