import { createHash } from 'node:crypto'
import { ByteBuffer } from '../lib/byte-buffer.ts'
import { putText, wordCount } from '../lib/words.ts'

/** base64url's digits (RFC 4648, section 5). */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const DIGIT_BYTES = Buffer.from(DIGITS)
/** Positions that have all but their last two digits in common. */
const BLOCK = 256
const BLOCK_DIGITS = 20

/** How long an event's id is, in bytes. */
export const EVENT_ID_LENGTH = 22

/** What stands beside a message's bytes. A key may come twice. */
export interface Header {
  readonly key: string
  readonly value: Buffer | null
}

/**
 * What messages come from, as far as their ids go: a partition of one topic of one cluster, a file. An id is 128 bits in base64url
 * without padding: 64 of a hash over what identifies the source, and the message's position in it. So a message that is
 * delivered again has the same id, no two of a source ever share one, and those that follow each other have ids that compress well.
 */
export class EventSource {
  readonly #hash: bigint
  /** The block of positions whose digits `#words` has. */
  #block = Number.NaN
  readonly #words = new Float64Array(wordCount(BLOCK_DIGITS))

  /** `parts` identify it, together and in this order. */
  constructor(...parts: readonly (string | number)[]) {
    this.#hash = createHash('sha256').update(JSON.stringify(parts)).digest().readBigUInt64BE()
  }

  /** Appends the id of the message at `position` (0 to 2^53): 22 bytes. The room is reserved. */
  appendId(position: number, buffer: ByteBuffer): void {
    const block = Math.floor(position / BLOCK)
    if (block !== this.#block) this.#begin(block)
    buffer.appendWords(this.#words, 0, BLOCK_DIGITS)
    const rest = position % BLOCK
    // The last digit has the position's last two bits, and four that are none.
    buffer.appendByte(DIGIT_BYTES[rest >> 2] as number)
    buffer.appendByte(DIGIT_BYTES[(rest & 3) << 4] as number)
  }

  /** The same as text. */
  idOf(position: number): string {
    const buffer = new ByteBuffer(EVENT_ID_LENGTH)
    this.appendId(position, buffer)
    return buffer.bytes.toString('latin1', 0, buffer.length)
  }

  /** What came with the message at `position`, beside its bytes. */
  headersAt(_position: number): readonly Header[] | undefined {
    return undefined
  }

  #begin(block: number): void {
    let bits = (this.#hash << 56n) | BigInt(block)
    let digits = ''
    for (let i = 0; i < BLOCK_DIGITS; i++, bits >>= 6n) digits = DIGITS[Number(bits & 63n)] + digits
    putText(digits, this.#words, 0)
    this.#block = block
  }
}

/** What messages of a source brought along, by position. */
export interface Brought {
  /** Ids, of messages that were delivered elsewhere before. */
  readonly ids: ReadonlyMap<number, string>
  readonly headers: ReadonlyMap<number, readonly Header[]>
}

/** A source some of whose messages brought something along. All that they did not bring is as `own` has it. */
export class SecondHandSource extends EventSource {
  readonly #own: EventSource
  readonly #brought: Brought

  constructor(own: EventSource, brought: Brought) {
    super()
    this.#own = own
    this.#brought = brought
  }

  override appendId(position: number, buffer: ByteBuffer): void {
    const id = this.#brought.ids.get(position)
    if (id === undefined) this.#own.appendId(position, buffer)
    else buffer.appendAscii(id)
  }

  override headersAt(position: number): readonly Header[] | undefined {
    return this.#brought.headers.get(position)
  }
}

/** Whether a text is an id as sources make them, and not something that a stranger has put in its place. */
export function isEventId(text: string): boolean {
  return /^[\w-]{21}[AQgw]$/.test(text)
}
