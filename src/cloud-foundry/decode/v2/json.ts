import { type AppEvent, UNDECODABLE, type Verdict } from '../../app-event.ts'
import type { Envelope } from '../envelope.ts'
import { text, unusedText } from '../exact-json-kinds.ts'
import { JsonReader } from '../exact-json-reader.ts'
import { Scratch } from '../scratch.ts'
import { settleEnvelope } from '../settle-envelope.ts'
import { Undecodable } from '../undecodable.ts'
import type { V2Envelope } from './envelope.ts'
import { bytes, double, int64, logType, map, message, uint64 } from './json-kinds.ts'
import { toV1 } from './to-v1.ts'

const MESSAGES = {
  log: message({ payload: bytes, type: logType }),
  counter: message({ name: unusedText, delta: uint64, total: uint64 }),
  gauge: message({ metrics: map(message({ unit: unusedText, value: double })) }),
  timer: message({ name: text, start: int64, stop: int64 }),
  event: message({ title: unusedText, body: unusedText }),
}

const envelope = message({
  timestamp: int64,
  source_id: text,
  instance_id: text,
  tags: map(text),
  deprecated_tags: map(message({ text, integer: int64, decimal: double })),
  ...MESSAGES,
})

/** What a JSON text of a Loggregator V2 envelope says. Throws {@link Undecodable}. */
export function readV2Json(bytesOfIt: Buffer): V2Envelope {
  const json = new JsonReader(bytesOfIt)
  const { timestamp, source_id, instance_id, tags, deprecated_tags, log, counter, gauge, timer, event } = envelope.read(json, undefined)
  json.finish()
  const messages = [log, counter, gauge, timer, event].filter((each) => each !== undefined)
  if (messages.length > 1) json.fail(`one of ${Object.keys(MESSAGES).join(', ')} before it, not ${messages.length}`)
  return { timestamp, sourceId: source_id, instanceId: instance_id, tags, deprecatedTags: deprecated_tags, log, gauge, timer }
}

/** The same as the V1 envelope that says it. Throws {@link Undecodable}. */
export function readV2JsonEnvelope(bytesOfIt: Buffer): Envelope {
  return toV1(readV2Json(bytesOfIt))
}

const scratch = new Scratch()

/** {@link readV2JsonEnvelope} for a single message, without the reason: what a fast decoder is compared with. */
export function decodeExactV2Json(text: Uint8Array, event: AppEvent): Verdict {
  scratch.clear()
  try {
    return settleEnvelope(readV2JsonEnvelope(Buffer.from(text.buffer, text.byteOffset, text.length)), event, scratch)
  } catch (error) {
    if (error instanceof Undecodable) return UNDECODABLE
    throw error
  }
}
