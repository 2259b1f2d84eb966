import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'

/** All of dropsonde and of Loggregator V2, by reflection on what proto/ says. */
export const dropsonde = rootOf('envelope')
export const loggregator = rootOf('loggregator')
const envelopeType = dropsonde.lookupType('events.Envelope')
const v2EnvelopeType = loggregator.lookupType('loggregator.Envelope')

function rootOf(name: string): protobuf.Namespace {
  const proto = readFileSync(new URL(`../proto/${name}.proto`, import.meta.url), 'utf8')
  return protobuf.parse(proto, { keepCase: true }).root.resolveAll()
}

/**
 * An envelope's JSON as an object with all digits: a long integer becomes a string of them. For envelopes as producers spell
 * them; what a decoder has to take is another matter.
 */
export function parseEnvelope(json: string): Record<string, unknown> {
  const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
  return JSON.parse(json.replace(stringOrNumber, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token)))
}

/** The envelope in protobuf: keys as in JSON, 64-bit integers as bigints, strings of digits or numbers, bytes as base64. */
export function encodeProtobuf(envelope: object): Buffer {
  return encoded(envelopeType, envelope)
}

/** The same for one of Loggregator V2; a log's type may have its name. */
export function encodeV2Protobuf(envelope: Readonly<Record<string, unknown>>): Buffer {
  const log = envelope['log'] as { readonly type?: unknown } | undefined
  const number = { OUT: 0, ERR: 1 }[String(log?.type)] ?? log?.type
  return encoded(v2EnvelopeType, log === undefined ? envelope : { ...envelope, log: { ...log, type: number } })
}

function encoded(type: protobuf.Type, envelope: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(withoutBigints(envelope) as Record<string, unknown>)).finish())
}

function withoutBigints(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(withoutBigints)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutBigints(member)]))
}
