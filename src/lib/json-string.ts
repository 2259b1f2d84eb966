import { isUtf8 } from 'node:buffer'
import type { ByteBuffer } from './byte-buffer.ts'

/** What a byte of text becomes between the quotes of a JSON string. */
const AS_IS = 0
const ESCAPED = 1
/** Part of a character that is not ASCII, or of none. */
const BEYOND_ASCII = 2

const KIND = new Uint8Array(256)
KIND.fill(ESCAPED, 0, 0x20)
KIND.fill(BEYOND_ASCII, 0x80)
for (const byte of Buffer.from('"\\')) KIND[byte] = ESCAPED

const ESCAPE_OF: (Buffer | undefined)[] = Array.from({ length: 0x80 }, (_, code) =>
  KIND[code] === ESCAPED ? Buffer.from(JSON.stringify(String.fromCharCode(code)).slice(1, -1)) : undefined,
)

/** The longest escape, `\u0000`. */
const MAX_ESCAPED_BYTES = 6

/** Appends the escape of `byte`, or the byte itself. Returns where it ends. */
function put(byte: number, target: Uint8Array, at: number): number {
  let length = at
  if (KIND[byte] !== ESCAPED) {
    target[length++] = byte
    return length
  }
  const escaped = ESCAPE_OF[byte] as Buffer
  for (let i = 0; i < escaped.length; i++) target[length++] = escaped[i] as number
  return length
}

/**
 * Appends text as a JSON string has it between its quotes. `bytes` from `start` to `end` are UTF-8; each maximal part that is none becomes
 * U+FFFD. Reserves what it needs.
 */
export function appendJsonText(bytes: Uint8Array, start: number, end: number, to: ByteBuffer): void {
  to.reserve((end - start) * MAX_ESCAPED_BYTES)
  const target = to.bytes
  let length = to.length
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    const kind = KIND[byte]
    if (kind === AS_IS) target[length++] = byte
    else if (kind === ESCAPED) length = put(byte, target, length)
    else {
      to.length = length
      appendBeyondAscii(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, end - at), to)
      return
    }
  }
  to.length = length
}

/** The room is reserved for text that is valid. */
function appendBeyondAscii(text: Buffer, to: ByteBuffer): void {
  if (!isUtf8(text)) {
    appendJson(text.toString(), to)
    return
  }
  const target = to.bytes
  let length = to.length
  for (let at = 0; at < text.length; at++) length = put(text[at] as number, target, length)
  to.length = length
}

/** Marks a digit that is none. */
const NO_DIGIT = 1 << 24
/** What each of four base64 digits adds to the three bytes that they stand for, the first of which is the lowest. */
const FIRST = digits((value) => value << 2)
const SECOND = digits((value) => (value >> 4) | ((value & 15) << 12))
const THIRD = digits((value) => ((value >> 2) << 8) | ((value & 3) << 22))
const FOURTH = digits((value) => value << 16)

function digits(adds: (value: number) => number): Int32Array {
  const table = new Int32Array(256).fill(NO_DIGIT)
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/').forEach((digit, value) => {
    table[digit] = adds(value)
  })
  return table
}

/** The three bytes that four digits stand for; at least `NO_DIGIT` where one is none. */
function base64Group(view: DataView, at: number): number {
  const word = view.getInt32(at, true)
  return (
    (FIRST[word & 0xff] as number) |
    (SECOND[(word >>> 8) & 0xff] as number) |
    (THIRD[(word >>> 16) & 0xff] as number) |
    (FOURTH[word >>> 24] as number)
  )
}

/** Marks, with its top bit, each of three bytes that a JSON string does not hold as it is: quote, backslash, control; perhaps one more behind it. */
function specialOfThree(group: number): number {
  const quote = group ^ 0x222222
  const backslash = group ^ 0x5c5c5c
  return (((quote - 0x010101) & ~quote) | ((backslash - 0x010101) & ~backslash) | ((group - 0x202020) & ~group)) & 0x808080
}

const LF = 0x0a

/**
 * Appends the text that base64 digits from `start` to `end` stand for, whole groups of four and perhaps padded, as a JSON string has it, without a
 * line feed at its end. Returns false, with nothing appended, where it is no UTF-8. Three bytes more must be readable.
 */
export function appendBase64AsJson(view: DataView, start: number, end: number, size: number, to: ByteBuffer): boolean {
  to.reserve(size * MAX_ESCAPED_BYTES + MAX_ESCAPED_BYTES)
  const { bytes: target, view: targetView } = to
  let length = to.length
  let beyondAscii = 0
  // The last group may have padding, or the line feed.
  const lastAt = end - 4
  let at = start
  for (; at < lastAt; at += 4) {
    const group = base64Group(view, at)
    beyondAscii |= group
    if (specialOfThree(group) === 0 && group < NO_DIGIT) {
      targetView.setInt32(length, group, true)
      length += 3
      continue
    }
    if (group >= NO_DIGIT) return false
    length = put(group >> 16, target, put((group >> 8) & 0xff, target, put(group & 0xff, target, length)))
  }
  if (at === lastAt) {
    const group = base64Group(view, at)
    const left = size - ((lastAt - start) >> 2) * 3
    for (let i = 0; i < left; i++) {
      const byte = (group >> (8 * i)) & 0xff
      beyondAscii |= byte
      if (byte !== LF || i < left - 1) length = put(byte, target, length)
    }
  }
  // An escape is ASCII: what is no UTF-8 before it and behind it is none with it between.
  if ((beyondAscii & 0x808080) !== 0 && !isUtf8(target.subarray(to.length, length))) return false
  to.length = length
  return true
}

/** Appends what a JSON string of `text` has between its quotes. Halves of surrogate pairs become U+FFFD. */
export function appendJson(text: string, to: ByteBuffer): void {
  const json = JSON.stringify(text.toWellFormed())
  to.reserve(3 * json.length)
  to.appendText(json.slice(1, -1))
}

const BACKSLASH = 0x5c
const LOWER_U = 0x75
const ZERO = 0x30

/**
 * Appends what another JSON string has between its quotes, from `start` to `end` of `view`: valid, but for bytes that are no UTF-8 and
 * escapes that are half of a character; both become U+FFFD. Three bytes more must be readable.
 */
export function appendJsonContent(view: DataView, start: number, end: number, to: ByteBuffer): void {
  to.reserve(end - start)
  if (!isDoubtful(view, start, end)) {
    to.appendSpan(view, start, end)
    return
  }
  const content = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + start, end - start).toString()
  appendJson(JSON.parse(`"${content}"`) as string, to)
}

/** Go spells &, < and > as \u0026 and the like: as good as any other spelling. Only beyond ASCII, and in other escapes, may half a character be. */
function isDoubtful(view: DataView, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const word = view.getInt32(at, true)
    const backslash = word ^ 0x5c5c5c5c
    if ((((backslash - 0x01010101) & ~backslash) | word) & 0x80808080) {
      for (const stop = Math.min(at + 4, end); at < stop; at++) {
        const byte = view.getUint8(at)
        if (byte >= 0x80) return true
        if (byte !== BACKSLASH) continue
        // An escaped backslash must not be taken for the beginning of an escape.
        at++
        if (view.getUint8(at) === LOWER_U && (view.getUint8(at + 1) !== ZERO || view.getUint8(at + 2) !== ZERO)) return true
      }
    } else at += 4
  }
  return false
}
