import { Reader } from 'protobufjs/minimal.js'
import { foldKey, shortKey } from '../exact-json-kinds.ts'
import { JsonReader } from '../exact-json-reader.ts'
import { Undecodable } from '../undecodable.ts'
import { camelCase } from './json-kinds.ts'

const V1_KEYS = new Set(
  ['origin', 'eventType', 'httpStartStop', 'logMessage', 'valueMetric', 'counterEvent', 'error', 'containerMetric'].map(foldKey),
)
const V2_KEYS = new Set(['source_id', 'instance_id', 'deprecated_tags'].flatMap((name) => [name, camelCase(name)]))
const V2_MESSAGES = new Set(['log', 'counter', 'gauge', 'timer', 'event'])

/**
 * Whether a JSON text is a Loggregator V2 envelope and none of dropsonde: it has a key of V2 alone, or an object under the name of one of V2's
 * messages, and none of V1's keys. What is neither stays V1, as ever.
 */
export function isV2Json(message: Buffer): boolean {
  const json = new JsonReader(message)
  let isV2 = false
  try {
    if (!json.isObject()) return false
    json.open()
    while (json.next()) {
      json.key()
      const key = shortKey(json)
      if (V1_KEYS.has(foldKey(key))) return false
      if (V2_KEYS.has(key) || (V2_MESSAGES.has(key) && json.isObject())) isV2 = true
      json.skip()
    }
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error
  }
  return isV2
}

const VARINT = 0
const LENGTH = 2

/** Whether a protobuf message is a Loggregator V2 envelope: fields 1 and 2 are a number and a text there, and a text and a number in V1, which requires both. */
export function isV2Protobuf(message: Buffer): boolean {
  const reader = new Reader(message)
  try {
    while (reader.pos < reader.len) {
      const tag = reader.tag()
      const wireType = tag & 7
      if (tag >>> 3 === 1) return wireType === VARINT
      if (tag >>> 3 === 2) return wireType === LENGTH
      reader.skipType(wireType, 0, tag >>> 3)
    }
  } catch {
    // Whoever reads it next says why.
  }
  return false
}
