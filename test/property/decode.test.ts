import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeProtobuf } from '../../dev/envelope-protobuf.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { App } from '../../src/cloud-foundry/app.ts'
import { base64Size } from '../../src/cloud-foundry/decode/base64-size.ts'
import { foldKey } from '../../src/cloud-foundry/decode/exact-json-kinds.ts'
import { decodeText } from '../../src/cloud-foundry/decode/go-text.ts'
import { anyEnvelope, anySpelling, toJson } from '../support/envelope-arbitrary.ts'
import { parseLine } from '../support/line-protocol.ts'
import { Refiner } from '../support/refine.ts'

const APP = { app: 'a', app_guid: 'ag', space: 's', space_guid: 'sg', org: 'o', org_guid: 'og' }
const refiner = new Refiner((guid) => App.of(guid, APP, 0))
const mix = loadMix()
const refined = (message: string | Buffer) => refiner.refine(Buffer.from(message))

test('JSON and protobuf of the same envelope give the same line', () => {
  fc.assert(
    fc.property(anyEnvelope, (envelope) => {
      expect(refined(encodeProtobuf(envelope))).toEqual(refined(toJson(envelope)))
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['client', 1],
  ['server', 2],
] as const)('where only the %s side of requests counts, the other is discarded whatever app it names, and all else stays', (side, peer) => {
  const choosy = new Refiner((guid) => App.of(guid, APP, 0), side)
  const outcome = (message: Uint8Array) => choosy.refine(message)
  fc.assert(
    fc.property(anyEnvelope, (envelope) => {
      const { eventType = 4, httpStartStop } = envelope as { eventType?: number; httpStartStop?: { peerType?: number } }
      const isOther = eventType === 4 && httpStartStop != null && (httpStartStop.peerType ?? 1) !== peer
      const expected = isOther ? { outcome: 'discarded' } : refined(toJson(envelope))
      expect(outcome(Buffer.from(toJson(envelope)))).toEqual(expected)
      expect(outcome(encodeProtobuf(envelope))).toEqual(expected)
    }),
    { numRuns: 300 },
  )
  for (let number = 0; number < 300; number++) {
    const message = mix.envelope(number)
    const { eventType, httpStartStop } = JSON.parse(message.toString())
    const isOther = eventType === 4 && httpStartStop.peerType !== peer
    expect(outcome(message)).toEqual(isOther ? { outcome: 'discarded' } : refined(message))
  }
})

test('capitals, escapes and white space change nothing', () => {
  fc.assert(
    fc.property(anyEnvelope, anySpelling, (envelope, spelling) => {
      const text = spelling.space() + toJson(envelope, spelling) + spelling.space()
      expect(refined(text), text).toEqual(refined(toJson(envelope)))
    }),
    { numRuns: 300 },
  )
})

test('the order of keys changes nothing', () => {
  fc.assert(
    fc.property(anyEnvelope, (envelope) => {
      expect(refined(toJson(reversed(envelope)))).toEqual(refined(toJson(envelope)))
    }),
  )
})

test('every envelope gives one point of strict line protocol, or says why not', () => {
  fc.assert(
    fc.property(anyEnvelope, (envelope) => {
      const result = refined(toJson(envelope))
      expect(result.outcome).not.toBe('undecodable')
      if (result.outcome === 'point') parseLine(result.line)
      if (result.outcome === 'refused') expect(result.reason).toMatch(/^timestamp -?\d+ is outside/)
    }),
    { numRuns: 300 },
  )
})

test('messages decoded together say what each says alone', () => {
  const text = fc.tuple(anyEnvelope, anySpelling).map(([envelope, spelling]) => toJson(envelope, spelling))
  const value = fc.oneof(
    fc.nat(1000).map((number) => mix.envelope(number)),
    anyEnvelope.map((envelope) => Buffer.from(toJson(envelope))),
    anyEnvelope.map((envelope) => Buffer.from(encodeProtobuf(envelope))),
    fc.oneof(text, fc.constantFrom('', '{', '[]', '{"eventType":5,"logMessage":{"app_id":"a"')).map(Buffer.from),
    fc.tuple(text, fc.constantFrom(100, 30_000, 70_000)).map(([json, blanks]) => Buffer.from(' '.repeat(blanks) + json)),
    fc.constant(null),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 30 }), (values) => {
      const messages = values.map((value, offset) => ({ value, offset }))
      const outcomes = refiner.refineGroups(messages)
      expect(outcomes).toEqual(values.map((value) => refined(value ?? '')))
    }),
    { numRuns: 300 },
  )
})

test('any bytes are taken without a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom('', '{', '{"', '\n', '\n\0\x10\x05'), (bytes, start) => {
      expect(['undecodable', 'discarded', 'no_app_guid']).toContain(refined(Buffer.concat([Buffer.from(start), bytes])).outcome)
    }),
    { numRuns: 500 },
  )
})

test('valid UTF-8 is kept', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(decodeText(Buffer.from(text))).toBe(text)
    }),
  )
})

test('of other bytes the valid characters are kept', () => {
  // Node writes one U+FFFD for a whole truncated character; but for their number it has to agree.
  const withoutReplacements = (text: string) => text.replace(/\ufffd+/g, '\ufffd')
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.string({ unit: 'binary', maxLength: 3 }))), (parts) => {
      const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
      expect(withoutReplacements(decodeText(bytes))).toBe(withoutReplacements(bytes.toString()))
    }),
  )
})

test('the size of base64 is that of its bytes, wherever lines are broken', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.tuple(fc.nat(300), fc.constantFrom('\n', '\r\n'))), (bytes, breaks) => {
      const text = breaks.reduce(
        (broken, [at, lineBreak]) => broken.slice(0, at) + lineBreak + broken.slice(at),
        Buffer.from(bytes).toString('base64'),
      )
      expect(base64Size(Buffer.from(text), 0, text.length)).toBe(bytes.length)
    }),
  )
})

test('of all characters only the long s and the Kelvin sign fold to ASCII, beside ASCII itself', () => {
  const folding: string[] = []
  for (let code = 0x80; code < 0x10000; code++)
    if (Buffer.byteLength(foldKey(String.fromCharCode(code))) === 1) folding.push(code.toString(16))
  expect(folding).toEqual(['17f', '212a'])
})

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}
