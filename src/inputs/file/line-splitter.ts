import type { Message } from '../../flow/contracts.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const MAX_LINE_BYTES = 64 * 1024 * 1024

/**
 * Cuts a file that comes in pieces into its lines, each a message with its number in the file (from 1). Blank lines count, but
 * are no messages; a line that no memory is meant for is one without a value. Values are views of the pieces where they can be.
 */
export class LineSplitter {
  readonly #first: number
  #line = 1
  #pieces: Buffer[] = []
  #bytes = 0

  /** What comes before line `first` is passed over. */
  constructor(first: number) {
    this.#first = first
  }

  /** Number of the line that comes next, or has begun. */
  get line(): number {
    return this.#line
  }

  /** The messages that end in this piece of the file. */
  push(piece: Buffer): Message[] {
    const messages: Message[] = []
    let start = 0
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      this.#keep(piece.subarray(start, end))
      this.#endLine(messages)
      start = end + 1
    }
    if (start < piece.length) this.#keep(piece.subarray(start))
    return messages
  }

  /** The last line, where no line feed ends it. */
  end(): Message[] {
    const messages: Message[] = []
    if (this.#bytes > 0) this.#endLine(messages)
    return messages
  }

  #keep(bytes: Buffer): void {
    this.#bytes += bytes.length
    if (this.#line >= this.#first && this.#bytes <= MAX_LINE_BYTES) this.#pieces.push(bytes)
    else this.#pieces = []
  }

  #endLine(messages: Message[]): void {
    if (this.#line >= this.#first) {
      const value = this.#value()
      if (value === null || !isBlank(value)) messages.push({ value, offset: this.#line })
    }
    this.#line += 1
    this.#pieces = []
    this.#bytes = 0
  }

  #value(): Buffer | null {
    if (this.#bytes > MAX_LINE_BYTES) return null
    const line = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces, this.#bytes)
    return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
  }
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 32 && byte !== 9 && byte !== CARRIAGE_RETURN) return false
  return true
}
