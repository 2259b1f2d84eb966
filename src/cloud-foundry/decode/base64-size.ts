/** 1 for each byte of the standard alphabet (RFC 4648, section 4). */
const IN_ALPHABET = new Uint8Array(256)
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')) IN_ALPHABET[byte] = 1

const PADDING = 0x3d

/**
 * Bytes that padded base64 stands for, or -1 where Go's StdEncoding refuses it. As there, line breaks may stand anywhere,
 * padding is required, and the unused bits of the last digit are not looked at.
 */
export function base64Size(bytes: Uint8Array, start: number, end: number): number {
  let digits = 0
  let at = start
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (IN_ALPHABET[byte] === 1) digits++
    else if (!isLineBreak(byte)) break
  }
  const missing = -digits & 3
  if (missing === 3) return -1
  for (let padding = 0; padding < missing; padding++) {
    if (bytes[at] !== PADDING || at >= end) return -1
    at = skipLineBreaks(bytes, at + 1, end)
  }
  return at === end ? (digits * 3) >> 2 : -1
}

function skipLineBreaks(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isLineBreak(bytes[at] as number)) at++
  return at
}

function isLineBreak(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d
}
