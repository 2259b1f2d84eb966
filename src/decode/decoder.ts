import { type AppEvent, UNDECODABLE, UNSURE, type Verdict } from '../app-event.ts'
import { toError } from '../errors.ts'
import type { Envelope } from './envelope.ts'
import { readJsonEnvelope } from './exact-json.ts'
import { decodeFastJson } from './fast-json.ts'
import { readProtobufEnvelope } from './protobuf.ts'
import { Scratch } from './scratch.ts'
import { settleEnvelope } from './settle-envelope.ts'
import { Undecodable } from './undecodable.ts'

const OPENING_BRACE = 0x7b
/** What JSON text may begin with, but for the newline: `{`, white space, and the `n` of `null`. */
const JSON_FIRST_BYTES = new Set(Buffer.from('{ \t\rn'))
/** A newline that JSON may begin with, and the tag of `origin` in protobuf. */
const NEWLINE = 0x0a

type Reading = (message: Buffer) => Envelope

/** Turns messages into events, whatever they are encoded in. Never throws, and is never UNSURE. */
export class Decoder {
  readonly #scratch = new Scratch()
  /** Why the last message that was UNDECODABLE was so, in words: where, what is there, and what is expected. */
  reason = ''

  /** Fills `event` where the verdict is POINT. What its spans point to is overwritten by the next call. */
  decode(message: Uint8Array | null, event: AppEvent): Verdict {
    if (message === null || message.length === 0) return this.#undecodable('the message is empty')
    if (message[0] === OPENING_BRACE) {
      const verdict = decodeFastJson(message, event)
      if (verdict !== UNSURE) return verdict
    }
    return this.#decodeExactly(message, event)
  }

  /** The first reading that makes sense counts. */
  #decodeExactly(message: Uint8Array, event: AppEvent): Verdict {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length)
    const reasons: string[] = []
    for (const read of readingsFor(message[0] as number)) {
      try {
        return settleEnvelope(read(bytes), event, this.#scratch)
      } catch (error) {
        reasons.push(error instanceof Undecodable ? error.message : toError(error).message)
      }
    }
    return this.#undecodable(reasons.join('; '))
  }

  #undecodable(reason: string): Verdict {
    this.reason = reason
    return UNDECODABLE
  }
}

function readingsFor(firstByte: number): readonly Reading[] {
  if (JSON_FIRST_BYTES.has(firstByte)) return [readJsonEnvelope]
  return firstByte === NEWLINE ? [readProtobufEnvelope, readJsonEnvelope] : [readProtobufEnvelope]
}
