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
export const MAX_ESCAPED_BYTES = 6

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

/** The value of each base64 digit; 64 is none. */
const BASE64 = new Uint8Array(256).fill(64)
Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/').forEach((digit, value) => {
  BASE64[digit] = value
})

/** Byte `index` of what base64 digits from `start` on stand for; more than 255 where a digit is none. */
export function base64Byte(bytes: Uint8Array, start: number, index: number): number {
  const at = start + Math.floor(index / 3) * 4 + (index % 3)
  const bits = 2 * (index % 3)
  const [left, right] = [BASE64[bytes[at] as number] as number, BASE64[bytes[at + 1] as number] as number]
  return (left | right) >= 64 ? 256 : ((left << (2 + bits)) & 0xff) | (right >> (4 - bits))
}

/**
 * Appends the first `size` bytes that base64 digits from `start` on stand for, as a JSON string has them. Returns false, with nothing appended, where one
 * is not ASCII, or a digit none.
 */
export function appendBase64AsJson(bytes: Uint8Array, start: number, size: number, to: ByteBuffer): boolean {
  to.reserve(size * MAX_ESCAPED_BYTES)
  const target = to.bytes
  let length = to.length
  const wholes = start + Math.floor(size / 3) * 4
  for (let at = start; at < wholes; at += 4) {
    const first = BASE64[bytes[at] as number] as number
    const second = BASE64[bytes[at + 1] as number] as number
    const third = BASE64[bytes[at + 2] as number] as number
    const fourth = BASE64[bytes[at + 3] as number] as number
    const one = ((first << 2) | (second >> 4)) & 0xff
    const two = ((second << 4) | (third >> 2)) & 0xff
    const three = ((third << 6) | fourth) & 0xff
    const kinds = (KIND[one] as number) | (KIND[two] as number) | (KIND[three] as number)
    if (kinds >= BEYOND_ASCII || (first | second | third | fourth) >= 64) return false
    if (kinds === AS_IS) {
      target[length] = one
      target[length + 1] = two
      target[length + 2] = three
      length += 3
    } else length = put(three, target, put(two, target, put(one, target, length)))
  }
  for (let index = size - (size % 3); index < size; index++) {
    const byte = base64Byte(bytes, start, index)
    if (byte >= 0x80) return false
    length = put(byte, target, length)
  }
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
