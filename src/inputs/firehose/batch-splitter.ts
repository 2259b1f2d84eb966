/** What an envelope holds. The numbers are places in {@link ENVELOPE_KINDS}. */
export const ENVELOPE_KINDS = ['other', 'log', 'timer', 'gauge', 'counter', 'event'] as const
const [OTHER, LOG, TIMER, GAUGE, EVENT] = [0, 1, 2, 3, 5]
export const COUNTER = 4

/** The envelopes of a batch as the gateway has them. */
export interface SplitBatch {
  /** Views of the batch, each the JSON text of one envelope, or of whatever stands in its place. */
  readonly envelopes: readonly Buffer[]
  /** What each holds, as far as its keys tell. */
  readonly kinds: readonly number[]
  /** From where on it is no batch of envelopes: a view; undefined where all of it is. */
  readonly rest: Buffer | undefined
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COLON = 0x3a
const COMMA = 0x2c
const SPACE = 0x20

/** Strings are looked through byte by byte so far; a call of `indexOf` costs as much. */
const SHORT = 64

/** Behind the text that is looked at, and what an object that was read last holds. */
const NOWHERE = -1
let kind = OTHER

/**
 * Cuts `{"batch":[…]}` into the texts of its envelopes, in one pass, without decoding anything: only strings and brackets are followed. Never
 * throws. What is JSON is cut exactly; whether an envelope is one is for its decoder to say.
 */
export function splitBatch(bytes: Buffer): SplitBatch {
  const envelopes: Buffer[] = []
  const kinds: number[] = []
  const broken = (at: number) => ({ envelopes, kinds, rest: bytes.subarray(at) })
  let at = space(bytes, 0)
  if (bytes[at] !== OPEN_BRACE) return broken(0)
  at = space(bytes, at + 1)
  while (bytes[at] !== CLOSE_BRACE) {
    const keyAt = at
    if (bytes[at] !== QUOTE) return broken(keyAt)
    const keyEnd = stringEnd(bytes, at)
    at = space(bytes, keyEnd)
    if (keyEnd === NOWHERE || bytes[at] !== COLON) return broken(keyAt)
    at = space(bytes, at + 1)
    if (isBatch(bytes, keyAt, keyEnd) && bytes[at] === OPEN_BRACKET) {
      at = space(bytes, at + 1)
      while (bytes[at] !== CLOSE_BRACKET) {
        const end = valueEnd(bytes, at)
        if (end === NOWHERE) return broken(at)
        envelopes.push(bytes.subarray(at, end))
        kinds.push(kind)
        const next = space(bytes, end)
        if (bytes[next] === COMMA) at = space(bytes, next + 1)
        else if (bytes[next] === CLOSE_BRACKET) at = next
        else return broken(next)
      }
      at = space(bytes, at + 1)
    } else {
      const end = valueEnd(bytes, at)
      if (end === NOWHERE) return broken(keyAt)
      at = space(bytes, end)
    }
    if (bytes[at] === COMMA) at = space(bytes, at + 1)
    else if (bytes[at] !== CLOSE_BRACE) return broken(at)
  }
  at = space(bytes, at + 1)
  return at === bytes.length ? { envelopes, kinds, rest: undefined } : broken(at)
}

function space(bytes: Buffer, start: number): number {
  let at = start
  while ((bytes[at] as number) <= SPACE) at++
  return at
}

function isBatch(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 7 && bytes.toString('latin1', start, end) === '"batch"'
}

/** Behind a value; {@link NOWHERE} where it does not end. Sets {@link kind}. */
function valueEnd(bytes: Buffer, start: number): number {
  kind = OTHER
  const first = bytes[start] as number
  if (first === QUOTE) return stringEnd(bytes, start)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return bracketEnd(bytes, start)
  let at = start
  while (at < bytes.length && !isDelimiter(bytes[at] as number)) at++
  return at === start || at === bytes.length ? NOWHERE : at
}

function isDelimiter(byte: number): boolean {
  return byte <= SPACE || byte === COMMA || byte === CLOSE_BRACKET || byte === CLOSE_BRACE
}

function bracketEnd(bytes: Buffer, start: number): number {
  const { length } = bytes
  let depth = 0
  for (let at = start; at < length; ) {
    const byte = bytes[at] as number
    if (byte === QUOTE) {
      const end = stringEnd(bytes, at)
      if (end === NOWHERE) return NOWHERE
      if (depth === 1) noteKind(bytes, at, end)
      at = end
      continue
    }
    at++
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--
      if (depth === 0) return at
    }
  }
  return NOWHERE
}

function stringEnd(bytes: Buffer, start: number): number {
  const near = Math.min(start + SHORT, bytes.length)
  let at = start + 1
  while (at < near) {
    const byte = bytes[at] as number
    if (byte === QUOTE) return at + 1
    at += byte === BACKSLASH ? 2 : 1
  }
  // An escaped quote has an odd number of backslashes before it, of which none stands before `from`.
  const from = at
  for (let quote = bytes.indexOf(QUOTE, from); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let before = quote
    while (before > from && bytes[before - 1] === BACKSLASH) before--
    if ((quote - before) % 2 === 0) return quote + 1
  }
  return NOWHERE
}

const KEYS: readonly (readonly [string, number])[] = [
  ['"log"', LOG],
  ['"timer"', TIMER],
  ['"gauge"', GAUGE],
  ['"event"', EVENT],
  ['"counter"', COUNTER],
]
const SHORTEST_KEY = 5
const LONGEST_KEY = 9

function noteKind(bytes: Buffer, start: number, end: number): void {
  const length = end - start
  if (length < SHORTEST_KEY || length > LONGEST_KEY || bytes[space(bytes, end)] !== COLON) return
  for (const [key, itsKind] of KEYS) if (key.length === length && bytes.toString('latin1', start, end) === key) kind = itsKind
}
