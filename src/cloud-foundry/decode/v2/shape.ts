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

/** The fields of V2's messages: log, counter, gauge, timer, event. */
const V2_MESSAGE_FIELDS = new Set([4, 5, 6, 7, 10])

/**
 * Whether a protobuf message is a Loggregator V2 envelope: it says whose it is (field 2, a text), or has one of V2's messages. In V1, which
 * requires both, field 1 is a text and field 2 a number; a time alone (field 1, a number) is neither.
 */
export function isV2Protobuf(message: Buffer): boolean {
  const reader = new Reader(message)
  let isV2 = false
  try {
    while (reader.pos < reader.len) {
      const tag = reader.tag()
      const wireType = tag & 7
      const field = tag >>> 3
      if ((field === 1 && wireType !== VARINT) || (field === 2 && wireType !== LENGTH)) return false
      if (field === 2) return true
      if (V2_MESSAGE_FIELDS.has(field) && wireType === LENGTH) isV2 = true
      reader.skipType(wireType, 0, field)
    }
  } catch {
    // Whoever reads it next says why.
  }
  return isV2
}
