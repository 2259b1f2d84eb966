import { byte, NOWHERE, string, view } from '../json-text.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const SPACE = 0x20
const CLOSING_BRACE = 0x7d

/** Text of 4 to 8 ASCII characters to compare with, as two words that may overlap. */
export interface Word {
  readonly length: number
  readonly first: number
  readonly last: number
  readonly lastAt: number
}

/** A literal, as keys are, so that the compiler takes its fields as constants. */
export function word(text: string): Word {
  const bytes = Buffer.from(text)
  const lastAt = bytes.length - 4
  return { length: bytes.length, first: bytes.readInt32LE(0), last: bytes.readInt32LE(lastAt), lastAt }
}

export function hasWord(text: Word, at: number): boolean {
  return view.getInt32(at, true) === text.first && view.getInt32(at + text.lastAt, true) === text.last
}

export function skipWord(text: Word, at: number): number {
  return hasWord(text, at) ? at + text.length : NOWHERE
}

/** Whether another member follows. */
export function isComma(at: number): boolean {
  return view.getUint8(at) === COMMA
}

/** Behind a comma, and the space that some builds of the gateway write there. */
export function afterComma(at: number): number {
  const next = byte(COMMA, at)
  return view.getUint8(next) === SPACE ? next + 1 : next
}

export function closingBrace(at: number): number {
  return byte(CLOSING_BRACE, at)
}

/** To the number that may be in quotes. */
export function openNumber(at: number): number {
  return view.getUint8(at) === QUOTE ? at + 1 : at
}

/** Behind the number whose text began at `start`. */
export function closeNumber(start: number, at: number): number {
  return view.getUint8(start - 1) === QUOTE ? byte(QUOTE, at) : at
}

/** What `json-text.string` does, quicker where the text is ASCII without escapes, as most is. */
export function tagValue(start: number): number {
  let at = start
  let others = nonPlain(view.getInt32(at, true))
  while (others === 0) {
    at += 4
    others = nonPlain(view.getInt32(at, true))
  }
  at += (31 - Math.clz32(others & -others)) >> 3
  return view.getUint8(at) === QUOTE ? at + 1 : string(at)
}

/** Marks each byte that is a quote, a backslash, a control or no ASCII, and perhaps more behind one that is no ASCII: a sum's top bit is 0 for what is looked for. */
function nonPlain(word: number): number {
  const quote = (word ^ 0x22222222) + 0x7f7f7f7f
  const backslash = (word ^ 0x5c5c5c5c) + 0x7f7f7f7f
  const control = word + 0x60606060
  return ~(quote & backslash & control & ~word) & 0x80808080
}
