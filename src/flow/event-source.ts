import { createHash } from 'node:crypto'
import type { ByteBuffer } from '../lib/byte-buffer.ts'

/** base64url's digits (RFC 4648, section 5). */
const DIGITS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
const POSITION_DIGITS = 10

/** How long an event's id is, in bytes. */
export const EVENT_ID_LENGTH = 22

/**
 * What messages come from, as far as their ids go: a partition of one topic of one cluster, a file. An id is 128 bits in base64url
 * without padding: 64 of a hash over what identifies the source, and the message's position in it. So a message that is
 * delivered again has the same id, no two of a source ever share one, and those that follow each other have ids that compress well.
 */
export class EventSource {
  /** The first 60 bits of the hash, as digits, and the 4 that share a digit with the position. */
  readonly #digits: Buffer
  readonly #lastBits: number

  /** `parts` identify it, together and in this order. */
  constructor(...parts: readonly (string | number)[]) {
    const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
    this.#digits = Buffer.from(hash.toString('base64url').slice(0, POSITION_DIGITS))
    this.#lastBits = (hash[7] as number) & 0xf
  }

  /** Appends the id of the message at `position` (0 to 2^53): 22 bytes. The room is reserved. */
  appendId(position: number, buffer: ByteBuffer): void {
    const digits = this.#digits
    for (let i = 0; i < POSITION_DIGITS; i++) buffer.appendByte(digits[i] as number)
    // The position's 64 bits: two beside the hash's last four, sixty, and the last two.
    buffer.appendByte(DIGITS[this.#lastBits << 2] as number)
    const quarter = Math.floor(position / 4)
    const high = Math.floor(quarter / 2 ** 30)
    for (let shift = 24; shift >= 0; shift -= 6) buffer.appendByte(DIGITS[(high >> shift) & 63] as number)
    for (let shift = 24; shift >= 0; shift -= 6) buffer.appendByte(DIGITS[(quarter >> shift) & 63] as number)
    buffer.appendByte(DIGITS[(position % 4) << 4] as number)
  }
}
