import { byte, NOWHERE, view } from '../json-text.ts'

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
