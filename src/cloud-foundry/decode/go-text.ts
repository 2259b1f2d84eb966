import { isUtf8 } from 'node:buffer'

/**
 * UTF-8 as Go reads it: each byte that is no part of a character becomes U+FFFD. (Buffer and TextDecoder write one U+FFFD
 * for a whole truncated character, which would give another tag value than the original's.)
 */
export function decodeText(bytes: Buffer, start = 0, end = bytes.length): string {
  if (isUtf8(bytes.subarray(start, end))) return bytes.toString('utf8', start, end)
  return repair(bytes, start, end).toString('utf8')
}

function repair(bytes: Buffer, start: number, end: number): Buffer {
  const repaired = Buffer.allocUnsafe((end - start) * 3)
  let length = 0
  for (let at = start; at < end; ) {
    const size = characterSize(bytes, at, end)
    if (size === 0) {
      // U+FFFD
      repaired[length++] = 0xef
      repaired[length++] = 0xbf
      repaired[length++] = 0xbd
      at++
    } else {
      length += bytes.copy(repaired, length, at, at + size)
      at += size
    }
  }
  return repaired.subarray(0, length)
}

/** Bytes of the character at `at`, 0 if there is none: table 3-7 of the Unicode standard. */
function characterSize(bytes: Buffer, at: number, end: number): 0 | 1 | 2 | 3 | 4 {
  const [first, second, third, fourth] = [0, 1, 2, 3].map((ahead) => (at + ahead < end ? (bytes[at + ahead] as number) : 0)) as Quad
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  if (first < 0xe0) return isContinuation(second) ? 2 : 0
  if (first < 0xf0) {
    const least = first === 0xe0 ? 0xa0 : 0x80
    const most = first === 0xed ? 0x9f : 0xbf
    return second >= least && second <= most && isContinuation(third) ? 3 : 0
  }
  const least = first === 0xf0 ? 0x90 : 0x80
  const most = first === 0xf4 ? 0x8f : 0xbf
  return second >= least && second <= most && isContinuation(third) && isContinuation(fourth) ? 4 : 0
}

type Quad = [number, number, number, number]

function isContinuation(byte: number): boolean {
  return byte >> 6 === 0b10
}
