import type { Snippet } from './words.ts'

const ZERO = 0x30
const DOT = 0x2e
/** Words are written whole: what the last one of a step writes beyond its text is overwritten by the next step. */
const SLACK = 8
/** From here on a buffer grows by a half at a time: what twice as much would waste is megabytes. */
const LARGE_BYTES = 2 ** 20

/** A growing buffer of text. Whoever appends has reserved the room: the single steps do not check. Set `length` to 0 to begin anew. */
export class ByteBuffer {
  bytes: Buffer
  /** Bytes in use. */
  length = 0
  #view: DataView

  constructor(capacityBytes: number) {
    const memory = new ArrayBuffer(capacityBytes + SLACK)
    this.bytes = Buffer.from(memory)
    this.#view = new DataView(memory)
  }

  /** Over the same memory as `bytes`. */
  get view(): DataView {
    return this.#view
  }

  /** Makes room for `size` more bytes. May replace `bytes`. */
  reserve(size: number): void {
    const needed = this.length + size + SLACK
    if (needed <= this.bytes.length) return
    const full = this.bytes
    const memory = new ArrayBuffer(Math.max(Math.ceil(full.length * (full.length < LARGE_BYTES ? 2 : 1.5)), needed))
    this.bytes = Buffer.from(memory)
    this.#view = new DataView(memory)
    full.copy(this.bytes, 0, 0, this.length)
  }

  appendSnippet({ words, at, length }: Snippet): void {
    this.appendWords(words, at, length)
  }

  /** Appends the text of `length` bytes that begins at word `at`. */
  appendWords(words: Float64Array, at: number, length: number): void {
    if (length === 0) return
    const view = this.#view
    const start = this.length
    const last = at + ((length - 1) >> 3)
    for (let i = at, to = start; i < last; i++, to += 8) view.setFloat64(to, words[i] as number, true)
    view.setFloat64(start + Math.max(length - 8, 0), words[last] as number, true)
    this.length = start + length
  }

  appendByte(byte: number): void {
    this.#view.setUint8(this.length, byte)
    this.length += 1
  }

  /** Copies `from` up to `end` of `source`, which must be readable three bytes further. */
  appendSpan(source: DataView, from: number, end: number): void {
    const view = this.#view
    const shift = this.length - from
    for (let at = from; at < end; at += 4) view.setInt32(at + shift, source.getInt32(at, true), true)
    this.length = shift + end
  }

  /** Appends any text, as UTF-8. */
  appendText(text: string): void {
    this.length += this.bytes.write(text, this.length)
  }

  /** Appends text that is all ASCII: quicker than `appendText` where it is short. */
  appendAscii(text: string): void {
    const view = this.#view
    const { length } = text
    const start = this.length
    for (let i = 0; i < length; i++) view.setUint8(start + i, text.charCodeAt(i))
    this.length = start + length
  }

  /** Appends a whole number from 0 to 2^31 - 1. */
  appendInteger(number: number): void {
    this.#appendDigits(number, decimals(number))
  }

  /** Appends `.nnnnnnnnn` without trailing zeros; nothing at all for 0. */
  appendFraction(billionths: number): void {
    if (billionths === 0) return
    let digits = billionths
    let width = 9
    for (let tenth = (digits / 10) | 0; tenth * 10 === digits; tenth = (digits / 10) | 0) {
      digits = tenth
      width--
    }
    this.appendByte(DOT)
    this.#appendDigits(digits, width)
  }

  #appendDigits(number: number, width: number): void {
    const view = this.#view
    const start = this.length
    let rest = number
    for (let at = start + width - 1; at >= start; at--) {
      const tenth = (rest / 10) | 0
      view.setUint8(at, ZERO + rest - tenth * 10)
      rest = tenth
    }
    this.length = start + width
  }
}

function decimals(number: number): number {
  if (number < 100) return number < 10 ? 1 : 2
  if (number < 10_000) return number < 1000 ? 3 : 4
  let width = 5
  for (let rest = (number / 100_000) | 0; rest !== 0; rest = (rest / 10) | 0) width++
  return width
}
