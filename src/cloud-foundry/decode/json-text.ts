import { endOfAscii, endOfBase64, endOfText, memory } from './scan.ts'

/**
 * The text of JSON messages, and the steps that read it. Every step takes a position and returns the next one; where the
 * text does not match, it returns `NOWHERE`, and nothing matches there. So a schema reads straight through, and only its last
 * step is asked whether all went well.
 *
 * Messages are copied into one memory that never moves, one behind the other. The newest ends in a zero, and no step matches that, so
 * none can read past the message's end and none has to look where that is; and the compiler knows the memory as a constant. Copying
 * costs 4 %, and a memory that changes from fetch to fetch cost 5 % more than that.
 */
export const bytes = Buffer.from(memory)
export const view = new DataView(memory)
const START = 16
/** Words may be read from the very end, and from a little before `NOWHERE`. */
const SLACK_BYTES = 64
const CAPACITY_BYTES = memory.byteLength - START - SLACK_BYTES
export const NOWHERE = 8
/** Of the newest message. */
let end = START
let free = START

/** Takes a message in; returns the position of its first byte, or `NOWHERE` where there is no room for it. */
export function open(message: Uint8Array): number {
  const start = free
  if (start + message.length > CAPACITY_BYTES) return NOWHERE
  bytes.set(message, start)
  end = start + message.length
  view.setUint8(end, 0)
  free = end
  return start
}

/** Makes room: what was taken in so far will be overwritten. */
export function forget(): void {
  free = START
}

/** Whether `at` is behind the last byte of the newest message. */
export function isEnd(at: number): boolean {
  return at === end
}

/** Text of 8 to 24 ASCII characters to compare with, as three words that may overlap. Against bytes it saves 40 % of decoding. */
export interface Key {
  readonly length: number
  readonly first: number
  readonly middle: number
  readonly last: number
  readonly middleAt: number
  readonly lastAt: number
}

/** A literal, because the compiler takes its fields as constants, which it does not with fields that a class declares first: saves 8 % of decoding. */
export function key(text: string): Key {
  const words = Buffer.from(text)
  const { length } = words
  const lastAt = length - 8
  const middleAt = Math.min(8, lastAt)
  return { length, first: words.readDoubleLE(0), middle: words.readDoubleLE(middleAt), last: words.readDoubleLE(lastAt), middleAt, lastAt }
}

export function has(key: Key, at: number): boolean {
  return (
    view.getFloat64(at, true) === key.first &&
    view.getFloat64(at + key.middleAt, true) === key.middle &&
    view.getFloat64(at + key.lastAt, true) === key.last
  )
}

export function skip(key: Key, at: number): number {
  return has(key, at) ? at + key.length : NOWHERE
}

export function byte(value: number, at: number): number {
  return view.getUint8(at) === value ? at + 1 : NOWHERE
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LOWER_U = 0x75

/** From a string's first byte to behind its closing quote. What is between is not looked at closer, so it may be invalid UTF-8. */
export function string(start: number): number {
  let at = endOfText(start)
  while (view.getUint8(at) !== QUOTE) {
    const length = escapeLength(at)
    if (length === 0) return NOWHERE
    at = endOfText(at + length)
  }
  return at + 1
}

/** Like `string`, but only for ASCII without escapes: the bytes are the value. */
export function plainString(start: number): number {
  return byte(QUOTE, endOfAscii(start))
}

const SIMPLE_ESCAPES = byteSet('"\\/bfnrt')
const HEX_DIGITS = byteSet('0123456789ABCDEFabcdef')

function escapeLength(at: number): number {
  if (view.getUint8(at) !== BACKSLASH) return 0
  const kind = view.getUint8(at + 1)
  if (SIMPLE_ESCAPES[kind] === 1) return 2
  return kind === LOWER_U && isHexDigit(at + 2) && isHexDigit(at + 3) && isHexDigit(at + 4) && isHexDigit(at + 5) ? 6 : 0
}

function isHexDigit(at: number): boolean {
  return HEX_DIGITS[view.getUint8(at)] === 1
}

const EQUALS = 0x3d

/** From the first byte of a base64 string, padded and in one line, to behind its closing quote. */
export function base64(start: number): number {
  const at = endOfBase64(start)
  switch ((at - start) & 3) {
    case 0:
      return byte(QUOTE, at)
    case 2:
      return byte(QUOTE, byte(EQUALS, byte(EQUALS, at)))
    case 3:
      return byte(QUOTE, byte(EQUALS, at))
    default:
      return NOWHERE
  }
}

/** The size of what a base64 text from `start` to `end` encodes. */
export function base64Size(start: number, end: number): number {
  const padding = view.getUint8(end - 1) !== EQUALS ? 0 : view.getUint8(end - 2) !== EQUALS ? 1 : 2
  return ((end - start) >> 2) * 3 - padding
}

function byteSet(characters: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const value of Buffer.from(characters)) set[value] = 1
  return set
}
