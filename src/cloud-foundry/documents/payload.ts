import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { appendBase64AsJson, appendJson, appendJsonText } from '../../lib/json-string.ts'
import type { AppEvent } from '../app-event.ts'

const LF = 0x0a

let decoded = Buffer.alloc(64 * 1024)
/** A buffer that one large payload made larger than this is let go. */
const KEPT_BYTES = 1024 * 1024

/** The payload of a log event, without the LF at its end. A view that the next call overwrites. */
export function payloadOf({ payloadBytes, payload, payloadEnd, payloadSize, isBase64 }: AppEvent): Uint8Array {
  const bytes = Buffer.from(payloadBytes.buffer as ArrayBuffer, payloadBytes.byteOffset + payload, payloadEnd - payload)
  const text = isBase64 ? decode(bytes, payloadSize) : bytes
  return text[text.length - 1] === LF ? text.subarray(0, -1) : text
}

function decode(base64: Buffer, size: number): Uint8Array {
  if (decoded.length < size || decoded.length > KEPT_BYTES) decoded = Buffer.alloc(Math.max(size, 64 * 1024))
  return decoded.subarray(0, decoded.write(base64.toString('latin1'), 0, size, 'base64'))
}

/** Appends the payload as a JSON string has it between its quotes, at most `maxBytes` of its UTF-8. Returns whether it was cut. */
export function appendPayload(event: AppEvent, maxBytes: number, to: ByteBuffer): boolean {
  const { payload, payloadEnd, payloadSize } = event
  // Straight from base64 to JSON, where it is UTF-8, as most of what applications log.
  const isShort = 3 * payloadSize <= maxBytes
  if (isShort && event.isJsonText && appendBase64AsJson(event.view, payload, payloadEnd, payloadSize, to)) return false
  const bytes = payloadOf(event)
  // Invalid bytes become three each.
  if (3 * bytes.length <= maxBytes) {
    appendJsonText(bytes, 0, bytes.length, to)
    return false
  }
  const text = Buffer.from(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length).toString())
  const end = cutAt(text, maxBytes)
  appendJson(text.toString('utf8', 0, end), to)
  return end < text.length
}

/** The most bytes, at most `maxBytes`, that end with a character. `text` is valid UTF-8. */
export function cutAt(text: Uint8Array, maxBytes: number): number {
  if (text.length <= maxBytes) return text.length
  let end = maxBytes
  while (end > 0 && ((text[end] as number) & 0xc0) === 0x80) end--
  return end
}
