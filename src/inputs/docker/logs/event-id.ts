import { createHash } from 'node:crypto'
import { EVENT_ID_LENGTH } from '../../../flow/event-source.ts'
import { ByteBuffer } from '../../../lib/byte-buffer.ts'

const ID_BYTES = 16
const HASH_BYTES = 6
/** What two bytes hold. */
const MOST_ORDINAL = 0xffff
/** base64url's digits (RFC 4648, section 5). */
const DIGITS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
const LAST_GROUP = ID_BYTES - 1

/** What names a line of a container for ever. */
export interface LineIdentity {
  readonly container: string
  readonly stream: 'stdout' | 'stderr'
  readonly timeNs: bigint
  /** Its number among the lines of the stream with exactly this time, from 0. */
  readonly ordinal: number
}

/**
 * Ids of the lines of one stream of a container: 22 characters of base64url, 128 bits. 48 are of a hash over container and stream, 64 the line's time and 16 its ordinal, so
 * that no two of a stream are the same, and a line that is read again has the same.
 */
export class LineIds {
  readonly #container: string
  readonly #stream: string
  readonly #bytes: Buffer

  constructor(container: string, stream: LineIdentity['stream']) {
    this.#container = container
    this.#stream = stream
    this.#bytes = Buffer.alloc(ID_BYTES)
    createHash('sha256')
      .update(JSON.stringify(['docker', container, stream]))
      .digest()
      .copy(this.#bytes, 0, 0, HASH_BYTES)
  }

  /** Appends the id of the line whose time is `high` · 2^32 + `low` ns. The room is reserved: 22 bytes. */
  append(high: number, low: number, ordinal: number, buffer: ByteBuffer): void {
    const bytes = this.#bytes
    if (ordinal > MOST_ORDINAL) {
      const time = (BigInt(high) << 32n) | BigInt(low >>> 0)
      buffer.appendAscii(identityIdOf(this.#container, this.#stream, String(time), ordinal))
      return
    }
    bytes.writeInt32BE(high, HASH_BYTES)
    bytes.writeUInt32BE(low >>> 0, HASH_BYTES + 4)
    bytes.writeUInt16BE(ordinal, HASH_BYTES + 8)
    for (let at = 0; at < LAST_GROUP; at += 3) {
      const group = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
      for (let shift = 18; shift >= 0; shift -= 6) buffer.appendByte(DIGITS[(group >> shift) & 63] as number)
    }
    const last = bytes[LAST_GROUP] as number
    buffer.appendByte(DIGITS[last >> 2] as number)
    buffer.appendByte(DIGITS[(last & 3) << 4] as number)
  }
}

/** The id of one line as text. */
export function eventIdOf({ container, stream, timeNs, ordinal }: LineIdentity): string {
  const buffer = new ByteBuffer(EVENT_ID_LENGTH)
  new LineIds(container, stream).append(Number(timeNs >> 32n), Number(timeNs & 0xffffffffn), ordinal, buffer)
  return buffer.bytes.toString('latin1', 0, buffer.length)
}

/** An id of whatever else a container says, by what tells it from all that this container says. */
export function identityIdOf(container: string, ...parts: readonly (string | number)[]): string {
  const text = JSON.stringify(['docker', container, ...parts])
  return createHash('sha256').update(text).digest().toString('base64url', 0, ID_BYTES)
}
