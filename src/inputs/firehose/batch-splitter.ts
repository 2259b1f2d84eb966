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

/** `:"` and `,"`, as a word of two bytes: where one string ends and the next begins. */
const COLON_QUOTE = 0x223a
const COMMA_QUOTE = 0x222c

const NOWHERE = -1
/** What an object that was read last holds. */
let kind = OTHER
/** Over the batch that is being cut. */
let view = new DataView(new ArrayBuffer(0))

/**
 * Cuts `{"batch":[…]}` into the texts of its envelopes, in one pass, without decoding anything: only strings and brackets are followed. Never
 * throws. What is JSON is cut exactly; whether an envelope is one is for its decoder to say.
 */
export function splitBatch(bytes: Buffer): SplitBatch {
  view = new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
  const envelopes: Buffer[] = []
  const kinds: number[] = []
  const broken = (at: number) => ({ envelopes, kinds, rest: bytes.subarray(at) })
  let at = space(bytes, 0)
  if (bytes[at] !== OPEN_BRACE) return broken(0)
  at = space(bytes, at + 1)
  while (bytes[at] !== CLOSE_BRACE) {
    const keyAt = at
    if (bytes[at] !== QUOTE) return broken(keyAt)
    const keyEnd = stringEnd(at)
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
  if (first === QUOTE) return stringEnd(start)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return bracketEnd(bytes, start)
  let at = start
  while (at < bytes.length && !isDelimiter(bytes[at] as number)) at++
  return at === start || at === bytes.length ? NOWHERE : at
}

function isDelimiter(byte: number): boolean {
  return byte <= SPACE || byte === COMMA || byte === CLOSE_BRACKET || byte === CLOSE_BRACE
}

function bracketEnd(bytes: Buffer, start: number): number {
  const length = view.byteLength
  let depth = 0
  for (let at = start; at < length; ) {
    const byte = view.getUint8(at)
    if (byte === QUOTE) {
      // Most of an envelope is strings with a colon or a comma between.
      for (;;) {
        const end = stringEnd(at)
        if (end === NOWHERE) return NOWHERE
        if (depth === 1) noteKind(bytes, at, end)
        at = end
        if (at + 2 > length) break
        const between = view.getUint16(at, true)
        if (between !== COLON_QUOTE && between !== COMMA_QUOTE) break
        at++
      }
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

/** A string is looked through four bytes at a time, as long as none of them is a quote or a backslash. */
function stringEnd(start: number): number {
  const length = view.byteLength
  const lastWord = length - 4
  let at = start + 1
  for (;;) {
    while (at <= lastWord) {
      const word = view.getInt32(at, true)
      if (hasByte(word ^ QUOTES) || hasByte(word ^ BACKSLASHES)) break
      at += 4
    }
    if (at >= length) return NOWHERE
    const byte = view.getUint8(at)
    if (byte === QUOTE) return at + 1
    at += byte === BACKSLASH ? 2 : 1
  }
}

const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c

/** Whether one of the four bytes is 0. */
function hasByte(word: number): boolean {
  return ((word - 0x01010101) & ~word & 0x80808080) !== 0
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
