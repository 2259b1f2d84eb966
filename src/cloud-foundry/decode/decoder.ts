import type { Message } from '../../flow/contracts.ts'
import { toError } from '../../lib/errors.ts'
import { type AppEvent, UNDECODABLE, UNSURE, type Verdict } from '../app-event.ts'
import type { Envelope } from './envelope.ts'
import { readJsonEnvelope } from './exact-json.ts'
import { decodeFastJson } from './fast-json.ts'
import { forget } from './json-text.ts'
import { readProtobufEnvelope } from './protobuf.ts'
import { Scratch } from './scratch.ts'
import { settleEnvelope } from './settle-envelope.ts'
import { Undecodable } from './undecodable.ts'
import { decodeFastV2Json } from './v2/fast-json.ts'
import { readV2JsonEnvelope } from './v2/json.ts'
import { readV2ProtobufEnvelope } from './v2/protobuf.ts'
import { isV2Json, isV2Protobuf } from './v2/shape.ts'

const OPENING_BRACE = 0x7b
const LETTER_O = 0x6f
/** What JSON text may begin with, but for the newline: `{`, white space, and the `n` of `null`. */
const JSON_FIRST_BYTES = new Set(Buffer.from('{ \t\rn'))
/** A newline that JSON may begin with, and the tag of `origin` in protobuf. */
const NEWLINE = 0x0a

/** So many messages take each step of the hot path together, which saves waiting for memory. 16 save less, 64 no more. */
export const GROUP_MESSAGES = 32
/** What a processor's nearest caches hold. */
const GROUP_BYTES = 64 * 1024

type Reading = (message: Buffer) => Envelope

/**
 * Turns messages into events, whatever they are encoded in: an envelope of dropsonde (V1) or of Loggregator V2, in JSON or protobuf, whichever
 * input it came from. Never throws, and is never UNSURE.
 */
export class Decoder {
  readonly #scratch = new Scratch()

  /** Fills `event`. What its spans point to is overwritten by the next call of any method. */
  decode(message: Uint8Array | null, event: AppEvent): Verdict {
    this.#forget()
    return this.#decode(message, event)
  }

  /**
   * Does the same with the messages from number `start` on, each with an event of its own, and returns how many it took: at least one, as many as
   * there are events, or fewer where they are large.
   */
  decodeGroup(messages: readonly Message[], start: number, events: readonly AppEvent[]): number {
    this.#forget()
    const most = Math.min(events.length, messages.length - start)
    let bytes = 0
    for (let count = 0; count < most; count++) {
      const value = messages[start + count]?.value ?? null
      bytes += value?.length ?? 0
      if (bytes > GROUP_BYTES && count > 0) return count
      this.#decode(value, events[count] as AppEvent)
    }
    return most
  }

  #forget(): void {
    forget()
    this.#scratch.clear()
  }

  #decode(message: Uint8Array | null, event: AppEvent): Verdict {
    event.verdict = this.#verdict(message, event)
    return event.verdict
  }

  #verdict(message: Uint8Array | null, event: AppEvent): Verdict {
    if (message === null || message.length === 0) return undecodable('the message is empty', event)
    if (message[0] === OPENING_BRACE) {
      // V1 begins with `{"origin"`.
      const verdict = message[2] === LETTER_O ? decodeFastJson(message, event) : decodeFastV2Json(message, event)
      if (verdict !== UNSURE) return verdict
    }
    return this.#decodeExactly(message, event)
  }

  /** The first reading that makes sense counts. */
  #decodeExactly(message: Uint8Array, event: AppEvent): Verdict {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length)
    const problems: string[] = []
    for (const read of readingsFor(bytes)) {
      try {
        return settleEnvelope(read(bytes), event, this.#scratch)
      } catch (error) {
        problems.push(error instanceof Undecodable ? error.message : toError(error).message)
      }
    }
    return undecodable(problems.join('; '), event)
  }
}

function undecodable(problem: string, event: AppEvent): Verdict {
  event.problem = problem
  return UNDECODABLE
}

function readingsFor(message: Buffer): readonly Reading[] {
  const firstByte = message[0] as number
  if (JSON_FIRST_BYTES.has(firstByte)) return [readJson]
  if (firstByte === NEWLINE) return [readProtobufEnvelope, readJson]
  return [isV2Protobuf(message) ? readV2ProtobufEnvelope : readProtobufEnvelope]
}

function readJson(message: Buffer): Envelope {
  return isV2Json(message) ? readV2JsonEnvelope(message) : readJsonEnvelope(message)
}
