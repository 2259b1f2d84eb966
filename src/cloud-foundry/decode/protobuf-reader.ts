import { Reader } from 'protobufjs/minimal.js'
import type { events } from './generated/envelope.js'
import { decodeText } from './go-text.ts'
import { Undecodable } from './undecodable.ts'

/** Reads as Go's generated code does where protobufjs is more lenient or spells differently. */
export class EnvelopeReader extends Reader {
  constructor(message: Buffer) {
    super(message)
    // For checkWireTypes.
    this.discardUnknown = false
  }

  override string(): string {
    return decodeText(this.bytes() as Buffer)
  }

  /** protobufjs' own refuses text that is no UTF-8. */
  override stringVerify(): string {
    return this.string()
  }

  /** A varint has at most ten bytes, also where it is skipped. */
  override skip(length?: number): Reader {
    if (length !== undefined) return super.skip(length)
    this.uint64()
    return this
  }
}

/**
 * A field of the wrong wire type counts as unknown to protobufjs, which would make a broken timestamp an absent one. To Go's
 * generated code the message is broken, and here it is too.
 */
export function checkWireTypes({ $unknowns = [] }: { readonly $unknowns?: Uint8Array[] }, fields: ReadonlySet<number>): void {
  for (const raw of $unknowns) {
    const field = new Reader(raw).tag() >>> 3
    if (fields.has(field)) throw new Undecodable(`field ${field} has the wrong wire type`)
  }
}

type Long = NonNullable<events.Envelope.$Properties['timestamp']>

/** With all digits; undefined where it is absent. */
export function bigint(long: Long | null | undefined): bigint | undefined {
  if (long == null) return undefined
  const bits = (BigInt(long.high) << 32n) | BigInt(long.low >>> 0)
  return long.unsigned ? BigInt.asUintN(64, bits) : bits
}
