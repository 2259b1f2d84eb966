import type { ByteBuffer } from '../../lib/byte-buffer.ts'

/** Of each byte, its two digits, the first in the lower half. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE())
const DASH = 0x2d
const ZERO = 0x30
const NINE = 0x39
const LETTER_A = 0x61
const LETTER_F = 0x66
const LOWER_CASE = 0x20
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

/** The bytes of `word` from the lowest on. */
function appendWord(word: number, dashAfter: number, to: ByteBuffer): void {
  for (let index = 0; index < 4; index++) {
    const digits = HEX[(word >>> (8 * index)) & 0xff] as number
    to.appendByte(digits & 0xff)
    to.appendByte(digits >> 8)
    if (index === dashAfter) to.appendByte(DASH)
  }
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
  appendWord(first, 3, to)
  appendWord(second, 1, to)
  to.appendByte(DASH)
  appendWord(low, 1, to)
  appendWord(high, -1, to)
  return true
}

export const UUID_TEXT_BYTES = 36
const DASHES = new Set([8, 13, 18, 23])

/**
 * Appends the UUID that is text from `start` on, whatever stands between its groups, in lower case. The room is reserved: 36 bytes. Returns whether there is one: text that is
 * no UUID, and zeros, are none, and nothing is appended then.
 */
export function appendUuidText(view: DataView, start: number, to: ByteBuffer): boolean {
  const before = to.length
  let isZero = true
  for (let index = 0; index < UUID_TEXT_BYTES; index++) {
    const byte = view.getUint8(start + index)
    if (DASHES.has(index)) {
      to.appendByte(DASH)
      continue
    }
    const isDigit = byte >= ZERO && byte <= NINE
    const lower = byte | LOWER_CASE
    if (!isDigit && (lower < LETTER_A || lower > LETTER_F)) {
      to.length = before
      return false
    }
    if (byte !== ZERO) isZero = false
    to.appendByte(isDigit ? byte : lower)
  }
  if (isZero) to.length = before
  return !isZero
}
