import type { AppEvent, Verdict } from '../app-event.ts'
import { UNDECODABLE } from '../app-event.ts'
import type { Envelope } from './envelope.ts'
import {
  enumeration,
  float64,
  int32,
  int64,
  payload,
  struct,
  text,
  uint64,
  unusedText,
  unusedTextMap,
  unusedTexts,
} from './exact-json-kinds.ts'
import { JsonReader } from './exact-json-reader.ts'
import { events } from './generated/envelope.js'
import { Scratch } from './scratch.ts'
import { settleEnvelope } from './settle-envelope.ts'
import { Undecodable } from './undecodable.ts'

const uuid = struct({ low: uint64, high: uint64 })

/**
 * sonde-go's structs with the keys of their json tags. Fields that no point uses are here as well: the original refuses a
 * message for a wrong type in any of them.
 */
const envelope = struct({
  origin: unusedText,
  eventType: enumeration(events.Envelope.EventType),
  timestamp: int64,
  deployment: unusedText,
  job: unusedText,
  index: unusedText,
  ip: unusedText,
  tags: unusedTextMap,
  httpStartStop: struct({
    startTimestamp: int64,
    stopTimestamp: int64,
    requestId: uuid,
    peerType: enumeration(events.PeerType),
    method: enumeration(events.Method),
    uri: text,
    remoteAddress: text,
    userAgent: text,
    statusCode: int32,
    contentLength: int64,
    applicationId: uuid,
    instanceIndex: int32,
    instanceId: unusedText,
    forwarded: unusedTexts,
  }),
  logMessage: struct({
    message: payload,
    message_type: enumeration(events.LogMessage.MessageType),
    timestamp: int64,
    app_id: text,
    source_type: text,
    source_instance: text,
  }),
  valueMetric: struct({ name: unusedText, value: float64, unit: unusedText }),
  counterEvent: struct({ name: unusedText, delta: uint64, total: uint64 }),
  error: struct({ source: unusedText, code: int32, message: unusedText }),
  containerMetric: struct({
    applicationId: text,
    instanceIndex: int32,
    cpuPercentage: float64,
    memoryBytes: uint64,
    diskBytes: uint64,
    memoryBytesQuota: uint64,
    diskBytesQuota: uint64,
  }),
})

/** The envelope that a JSON text says, as Go's encoding/json would fill it; `null` is an empty one. Throws {@link Undecodable}. */
export function readJsonEnvelope(message: Buffer): Envelope {
  const json = new JsonReader(message)
  const read = json.null() ? {} : envelope.read(json, undefined)
  json.finish()
  return read
}

const scratch = new Scratch()

/** {@link readJsonEnvelope} for a single message, without the reason: what a fast decoder is compared with. */
export function decodeExactJson(message: Uint8Array, event: AppEvent): Verdict {
  scratch.clear()
  try {
    return settleEnvelope(readJsonEnvelope(Buffer.from(message.buffer, message.byteOffset, message.length)), event, scratch)
  } catch (error) {
    if (error instanceof Undecodable) return UNDECODABLE
    throw error
  }
}
