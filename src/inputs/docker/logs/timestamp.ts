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

/** `2026-11-26T11:16:47.123456789Z ` */
const DOCKERS_BYTES = 31
const SECOND_BYTES = 19
const DOT = 0x2e
const LETTER_Z = 0x5a
const ZERO = 0x30

/** The second that the last time of Docker's was in, as it spells it, and its ns. */
const lastSecond = Buffer.alloc(SECOND_BYTES)
let lastSecondNs = 0n

/** Docker always writes nine digits: of times in one second, only those are read. Undefined where the bytes are spelled otherwise. */
function dockersTime(bytes: Buffer): bigint | undefined {
  if (bytes[SECOND_BYTES] !== DOT || bytes[DOCKERS_BYTES - 2] !== LETTER_Z || bytes[DOCKERS_BYTES - 1] !== SPACE) return undefined
  let fraction = 0
  for (let at = SECOND_BYTES + 1; at < DOCKERS_BYTES - 2; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (digit < 0 || digit > 9) return undefined
    fraction = fraction * 10 + digit
  }
  for (let at = SECOND_BYTES - 1; at >= 0; at--) {
    if (bytes[at] === lastSecond[at]) continue
    const secondNs = parseTimestamp(`${bytes.toString('latin1', 0, SECOND_BYTES)}Z`)
    if (secondNs === undefined) return undefined
    bytes.copy(lastSecond, 0, 0, SECOND_BYTES)
    lastSecondNs = secondNs
    break
  }
  return lastSecondNs + BigInt(fraction)
}

/** Undefined where the bytes do not begin with a time and a space. */
export function prefixOf(bytes: Buffer): Prefix | undefined {
  const known = dockersTime(bytes)
  if (known !== undefined) return { timeNs: known, length: DOCKERS_BYTES }
  const end = bytes.subarray(0, LONGEST).indexOf(SPACE)
  if (end < 0) return undefined
  const timeNs = parseTimestamp(bytes.toString('latin1', 0, end))
  return timeNs === undefined ? undefined : { timeNs, length: end + 1 }
}
