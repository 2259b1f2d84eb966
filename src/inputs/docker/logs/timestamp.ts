const SPACE = 0x20
/** `2026-11-26T11:16:47.123456789+14:00` and a little. */
const LONGEST = 40
const RFC_3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

let knownSecond = ''
let knownMs = 0

/** RFC 3339 as ns since 1970; undefined where the text is none. Podman writes whole seconds, Docker nine digits. */
export function parseTimestamp(text: string): bigint | undefined {
  const [, second, fraction = '', zone] = RFC_3339.exec(text) ?? []
  if (second === undefined) return undefined
  const key = `${second}${zone}`
  if (key !== knownSecond) {
    knownMs = Date.parse(key)
    knownSecond = key
  }
  return Number.isNaN(knownMs) ? undefined : BigInt(knownMs) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

/** What `timestamps=1` puts before each record. */
export interface Prefix {
  readonly timeNs: bigint
  /** Bytes of it, with the space behind it. */
  readonly length: number
}

/** Undefined where the bytes do not begin with a time and a space. */
export function prefixOf(bytes: Buffer): Prefix | undefined {
  const end = bytes.subarray(0, LONGEST).indexOf(SPACE)
  if (end < 0) return undefined
  const timeNs = parseTimestamp(bytes.toString('latin1', 0, end))
  return timeNs === undefined ? undefined : { timeNs, length: end + 1 }
}
