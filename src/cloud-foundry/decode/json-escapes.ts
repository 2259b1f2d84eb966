const BACKSLASH = 0x5c
const ESCAPES_BY_LETTER = new Map([...'"\\/bfnrt'].map((letter, index) => [letter.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(index)]))

/**
 * Resolves the escapes of a checked JSON string, giving UTF-8. Half of a surrogate pair becomes U+FFFD, as in Go. Bytes that
 * are no UTF-8 stay: an escape never begins with a continuation byte, so they cannot become part of a character.
 */
export function unescapeJson(bytes: Buffer, start: number, end: number): Buffer {
  // An escape is never shorter than what it stands for.
  const plain = Buffer.allocUnsafe(end - start)
  let length = 0
  for (let at = start; at < end; ) {
    const byte = bytes[at] as number
    if (byte !== BACKSLASH) {
      plain[length++] = byte
      at++
      continue
    }
    const simple = ESCAPES_BY_LETTER.get(bytes[at + 1] as number)
    if (simple !== undefined) {
      plain[length++] = simple
      at += 2
      continue
    }
    const unit = codeUnit(bytes, at, end)
    const pair = isHighSurrogate(unit) ? codeUnit(bytes, at + 6, end) : -1
    if (isLowSurrogate(pair)) {
      length += plain.write(String.fromCharCode(unit, pair), length)
      at += 12
    } else {
      // A lone surrogate is written as U+FFFD.
      length += plain.write(String.fromCharCode(unit), length)
      at += 6
    }
  }
  return plain.subarray(0, length)
}

/** The number of the `\uXXXX` at `at`; -1 where there is none. */
function codeUnit(bytes: Buffer, at: number, end: number): number {
  if (at + 6 > end || bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1
  return Number.parseInt(bytes.toString('latin1', at + 2, at + 6), 16)
}

function isHighSurrogate(unit: number): boolean {
  return unit >> 10 === 0xd800 >> 10
}

function isLowSurrogate(unit: number): boolean {
  return unit >> 10 === 0xdc00 >> 10
}
