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
    else if (kind === ESCAPED) {
      const escaped = ESCAPE_OF[byte] as Buffer
      for (let i = 0; i < escaped.length; i++) target[length++] = escaped[i] as number
    } else {
      to.length = length
      appendJson(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, end - at).toString(), to)
      return
    }
  }
  to.length = length
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
 * Appends what another JSON string has between its quotes, `bytes` from `start` to `end`: valid, but for bytes that are no UTF-8 and
 * escapes that are half of a character; both become U+FFFD.
 */
export function appendJsonContent(bytes: Uint8Array, start: number, end: number, to: ByteBuffer): void {
  to.reserve(end - start)
  const target = to.bytes
  const from = to.length
  let length = from
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    // Go spells &, < and > as \u0026 and the like: as good as any other spelling. Only beyond them may half a character be.
    const isDoubtful =
      byte >= 0x80 || (byte === BACKSLASH && bytes[at + 1] === LOWER_U && (bytes[at + 2] !== ZERO || bytes[at + 3] !== ZERO))
    if (isDoubtful) {
      to.length = from
      const content = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, end - start).toString()
      appendJson(JSON.parse(`"${content}"`) as string, to)
      return
    }
    target[length++] = byte
    // An escaped backslash must not be taken for the beginning of an escape.
    if (byte === BACKSLASH) target[length++] = bytes[++at] as number
  }
  to.length = length
}
