import { decodeText } from './go-text.ts'
import { unescapeJson } from './json-escapes.ts'
import { Undecodable } from './undecodable.ts'

/** Go's encoding/json goes no deeper, and neither may a message that wants to exhaust a stack. */
const MAX_DEPTH = 10_000

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const MINUS = 0x2d
const ZERO = 0x30
const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** Of a closing bracket to its opening one, `[` to `]` and `{` to `}` alike. */
const CLOSING = 2

const NULL = Buffer.from('null')
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')

/**
 * Reads JSON (RFC 8259, as strictly as Go does) token by token from the bytes of one message. Every method throws
 * {@link Undecodable} where the text is not what it asks for. Nothing recurses but the caller.
 */
export class JsonReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at = 0
  /** The closing bracket that each open container waits for. */
  readonly #closings: number[] = []
  /** Whether the innermost container was just opened, so that no comma comes before its next element. */
  #isFresh = false
  /** The latest token: of a string, what is between its quotes. */
  #start = 0
  #stop = 0
  #hasEscapes = false
  #isAscii = true
  /** Name of the field whose value is being read. */
  field = ''

  constructor(message: Buffer) {
    this.#bytes = message
    this.#end = message.length
  }

  /** The byte that the next token begins with; -1 at the end. */
  peek(): number {
    while (this.#at < this.#end) {
      const byte = this.#bytes[this.#at] as number
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.#at++
    }
    return -1
  }

  isObject(): boolean {
    return this.peek() === OPEN_BRACE
  }

  isArray(): boolean {
    return this.peek() === OPEN_BRACKET
  }

  isString(): boolean {
    return this.peek() === QUOTE
  }

  isNumber(): boolean {
    const byte = this.peek()
    return byte === MINUS || isDigit(byte)
  }

  /** Enters the object or array that comes next. */
  open(): void {
    if (this.#closings.length === MAX_DEPTH) this.fail(`at most ${MAX_DEPTH} levels`)
    this.#closings.push(this.peek() + CLOSING)
    this.#at++
    this.#isFresh = true
  }

  /** Goes to the next element of the innermost container, for an object to its key; at the end of the container leaves it and says false. */
  next(): boolean {
    const byte = this.peek()
    const closing = this.#closings.at(-1)
    const wasFresh = this.#isFresh
    this.#isFresh = false
    if (byte === closing) {
      this.#at++
      this.#closings.pop()
      return false
    }
    if (!wasFresh) {
      if (byte !== COMMA) this.fail(closing === CLOSE_BRACE ? 'a comma or }' : 'a comma or ]')
      this.#at++
    }
    return true
  }

  /** Reads an object's key and the colon behind it. */
  key(): void {
    this.string()
    if (this.peek() !== COLON) this.fail('a colon')
    this.#at++
  }

  /** Reads a string, checked but not decoded. */
  string(): void {
    if (this.peek() !== QUOTE) this.fail('a string')
    const bytes = this.#bytes
    const end = this.#end
    let at = this.#at + 1
    let bits = 0
    this.#start = at
    this.#hasEscapes = false
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte === QUOTE) {
        this.#isAscii = bits < 0x80
        this.#stop = at
        this.#at = at + 1
        return
      }
      bits |= byte
      if (byte === BACKSLASH) at = this.#escape(at)
      else if (byte < 0x20) break
    }
    this.#at = at
    this.fail(at < end ? 'no bare control character in a string' : 'the end of a string')
  }

  /** Checks the escape at `start`; returns where its last byte is. */
  #escape(start: number): number {
    this.#hasEscapes = true
    this.#at = start + 1
    const kind = this.#byte()
    if (kind !== 0x75) {
      if (!'"\\/bfnrt'.includes(String.fromCharCode(kind))) this.fail('an escape of JSON')
      return this.#at
    }
    for (let digit = 0; digit < 4; digit++) {
      this.#at++
      if (!isHexDigit(this.#byte())) this.fail('a hexadecimal digit')
    }
    return this.#at
  }

  /** Reads a number, checked but not converted. Says whether it is a whole one, without fraction and exponent. */
  number(): boolean {
    if (!this.isNumber()) this.fail('a number')
    this.#start = this.#at
    if (this.#byte() === MINUS) this.#at++
    if (this.#byte() === ZERO) this.#at++
    else this.#ascii()
    const wholeEnd = this.#at
    if (this.#byte() === 0x2e) {
      this.#at++
      this.#ascii()
    }
    if ((this.#byte() | 0x20) === 0x65) {
      this.#at++
      if (this.#byte() === MINUS || this.#byte() === 0x2b) this.#at++
      this.#ascii()
    }
    this.#stop = this.#at
    return this.#at === wholeEnd
  }

  #ascii(): void {
    if (!isDigit(this.#byte())) this.fail('a digit')
    do this.#at++
    while (isDigit(this.#byte()))
  }

  /** Consumes `null` if it comes next. */
  null(): boolean {
    if (this.peek() !== NULL[0]) return false
    this.#word(NULL)
    return true
  }

  #word(word: Buffer): void {
    for (const letter of word) {
      if (this.#byte() !== letter) this.fail(word.toString())
      this.#at++
    }
  }

  /** Passes over any value, however deep. */
  skip(): void {
    const outside = this.#closings.length
    do {
      this.#skipScalarOrOpen()
      while (this.#closings.length > outside && !this.next());
      if (this.#closings.length > outside && this.#closings.at(-1) === CLOSE_BRACE) this.key()
    } while (this.#closings.length > outside)
  }

  #skipScalarOrOpen(): void {
    const byte = this.peek()
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.open()
    else if (byte === QUOTE) this.string()
    else if (byte === NULL[0]) this.#word(NULL)
    else if (byte === TRUE[0]) this.#word(TRUE)
    else if (byte === FALSE[0]) this.#word(FALSE)
    else if (this.isNumber()) this.number()
    else this.fail('a value')
  }

  /** Nothing but white space may follow. */
  finish(): void {
    if (this.peek() !== -1) this.fail('the end of the message')
  }

  /** Bytes of the latest token as the message has them. */
  get tokenSize(): number {
    return this.#stop - this.#start
  }

  /** The latest token as it is spelt, which is in ASCII. */
  ascii(): string {
    return this.#bytes.toString('latin1', this.#start, this.#stop)
  }

  /** The latest token, a string, decoded. */
  text(): string {
    if (this.#hasEscapes) return decodeText(this.textBytes())
    return this.#isAscii ? this.ascii() : decodeText(this.#bytes, this.#start, this.#stop)
  }

  /** The latest token, a string, with its escapes resolved. Not to be kept or changed: it may be a view of the message. */
  textBytes(): Buffer {
    return this.#hasEscapes ? unescapeJson(this.#bytes, this.#start, this.#stop) : this.#bytes.subarray(this.#start, this.#stop)
  }

  #byte(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : -1
  }

  fail(expected: string): never {
    const inField = this.field === '' ? '' : `, at or after the field ${this.field}`
    throw new Undecodable(`not an envelope in JSON: byte ${this.#at}${inField} is ${describe(this.#byte())}, expected ${expected}`)
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
}

function describe(byte: number): string {
  if (byte === -1) return 'missing (the message ends)'
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `0x${byte.toString(16).padStart(2, '0')}`
}
