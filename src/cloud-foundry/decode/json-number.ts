import { bytes, NOWHERE, view } from './json-text.ts'
import { endOfDigits } from './scan.ts'

const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39

/** The digit at `at`, or another number where there is none. */
export function digitAt(at: number): number {
  return view.getUint8(at) - ZERO
}

/** A time in ns from 2001 to 2255: 19 digits that begin with 1 to 8. */
export function timestamp(at: number): number {
  const first = view.getUint8(at)
  return endOfDigits(at) === at + 19 && first > ZERO && first < NINE ? at + 19 : NOWHERE
}

/** A whole number of at most `digits` digits, as JSON allows it: without leading zeros. */
export function uint(digits: number, start: number): number {
  const at = endOfDigits(start)
  const length = at - start
  return length > 0 && length <= digits && (length === 1 || view.getUint8(start) !== ZERO) ? at : NOWHERE
}

/** The same with a sign. `-0` is left to the exact decoder. */
export function int(digits: number, at: number): number {
  if (view.getUint8(at) !== MINUS) return uint(digits, at)
  return view.getUint8(at + 1) === ZERO ? NOWHERE : uint(digits, at + 1)
}

const UINT64_MAX = Buffer.from('18446744073709551615')

/** A whole number below 2^64. */
export function uint64(start: number): number {
  const at = endOfDigits(start)
  const length = at - start
  if (length === 0 || length > UINT64_MAX.length || (length > 1 && view.getUint8(start) === ZERO)) return NOWHERE
  return length < UINT64_MAX.length || isAtMost(UINT64_MAX, start) ? at : NOWHERE
}

function isAtMost(limit: Uint8Array, start: number): boolean {
  for (let i = 0; i < limit.length; i++) {
    const difference = view.getUint8(start + i) - (limit[i] as number)
    if (difference !== 0) return difference < 0
  }
  return true
}

/** So many digits always read back the same, so that their text can be kept. They are exact as a number, too. */
export const EXACT_DIGITS = 15
/** Of longer ones the engine may write an exponent. */
const MAX_WHOLE_DIGITS = 20
/** A double has at most 17 digits; zeros may come before them. */
const MAX_DECIMAL_LENGTH = 24

/** A number spelled as the shortest decimal without an exponent, so that its text is what is to be written. */
export function shortestDecimal(start: number): number {
  let at = endOfDigits(start)
  const whole = at - start
  if (whole === 0 || (whole > 1 && view.getUint8(start) === ZERO)) return NOWHERE
  if (view.getUint8(at) !== DOT) return whole <= EXACT_DIGITS || (whole <= MAX_WHOLE_DIGITS && isShortest(start, at)) ? at : NOWHERE
  const fraction = at + 1
  at = endOfDigits(fraction)
  if (at === fraction || view.getUint8(at - 1) === ZERO) return NOWHERE
  const length = at - start
  return length <= EXACT_DIGITS + 1 || (length <= MAX_DECIMAL_LENGTH && isShortest(start, at)) ? at : NOWHERE
}

/** Of long ones only the engine knows. */
function isShortest(start: number, end: number): boolean {
  const text = bytes.toString('latin1', start, end)
  return text === String(Number(text))
}

/** The value of up to 15 digits. */
export function numberAt(start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) number = number * 10 + view.getUint8(at) - ZERO
  return number
}

/** minuend − subtrahend, digit by digit, of two numbers with the same count of digits. */
export function difference(minuend: number, subtrahend: number, digits: number): number {
  let result = 0
  for (let i = 0; i < digits; i++) result = result * 10 + view.getUint8(minuend + i) - view.getUint8(subtrahend + i)
  return result
}
