import { Writer } from 'protobufjs/minimal.js'
import { describe, expect, test } from 'vitest'
import { dropsonde, encodeProtobuf, parseEnvelope } from '../../../../dev/envelope-protobuf.ts'
import type { Envelope } from '../../../../src/cloud-foundry/decode/envelope.ts'
import { readProtobufEnvelope } from '../../../../src/cloud-foundry/decode/protobuf.ts'
import { METHODS } from '../../../../src/cloud-foundry/methods.ts'

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2

const tag = (field: number, wireType: number) => (field << 3) | wireType

const log = { message: 'aGVsbG8=', message_type: 2, timestamp: 9n, app_id: 'a', source_type: 'APP', source_instance: '7' }
const base = { origin: 'rep', eventType: 5, timestamp: 2n ** 63n - 1n, logMessage: log }
const read = (...parts: (Uint8Array | Writer)[]): Envelope =>
  readProtobufEnvelope(Buffer.concat(parts.map((part) => (part instanceof Writer ? part.finish() : part))))

const expected = {
  eventType: 5,
  timestamp: 2n ** 63n - 1n,
  logMessage: {
    message: { size: 5, bytes: Buffer.from('hello'), isBase64: false },
    message_type: 2,
    timestamp: 9n,
    app_id: 'a',
    source_type: 'APP',
    source_instance: '7',
  },
}

test('an envelope is read with all digits', () => {
  expect(read(encodeProtobuf(base))).toEqual(expected)
  const applicationId = { low: 2n ** 64n - 1n, high: 2n ** 63n }
  const http = {
    startTimestamp: -(2n ** 63n),
    stopTimestamp: -1n,
    requestId: applicationId,
    peerType: 1,
    method: 99,
    uri: '',
    remoteAddress: '',
  }
  const rest = { userAgent: '', statusCode: -1, contentLength: -(2n ** 63n), applicationId, instanceIndex: -(2 ** 31) }
  expect(read(encodeProtobuf({ origin: '', eventType: 4, httpStartStop: { ...http, ...rest } })).httpStartStop).toEqual({
    ...http,
    ...rest,
  })
})

test('an envelope in JSON keeps its digits on the way to protobuf', () => {
  const text =
    '{"origin":"a 12345678901234567890","eventType":9,"timestamp":-9223372036854775808,"containerMetric":{"applicationId":"a","instanceIndex":1,"cpuPercentage":1e21,"memoryBytes":18446744073709551615,"diskBytes":9007199254740993}}'
  expect(read(encodeProtobuf(parseEnvelope(text)))).toMatchObject({
    timestamp: -(2n ** 63n),
    containerMetric: { cpuPercentage: 1e21, memoryBytes: 2n ** 64n - 1n, diskBytes: 2n ** 53n + 1n },
  })
})

describe('as protobuf has it,', () => {
  test('unknown fields of every kind are passed over', () => {
    const unknown = new Writer()
    unknown.uint32(tag(100, VARINT)).uint64('18446744073709551615')
    unknown.uint32(tag(101, FIXED64)).fixed64(1)
    unknown.uint32(tag(102, LENGTH)).string('x')
    unknown.uint32(tag(103, 5)).fixed32(1)
    unknown.uint32(tag(104, 3)).uint32(tag(1, VARINT)).uint32(1).uint32(tag(104, 4))
    expect(read(unknown, encodeProtobuf(base))).toEqual(expected)
  })

  test('the last of two equal fields counts', () => {
    expect(read(encodeProtobuf(base), new Writer().uint32(tag(6, VARINT)).int64(7)).timestamp).toBe(7n)
  })

  test('a message given twice is merged', () => {
    const second = encodeProtobuf({ ...base, logMessage: { ...log, source_instance: undefined, source_type: 'RTR' } })
    expect(read(encodeProtobuf(base), second).logMessage).toEqual({ ...expected.logMessage, source_type: 'RTR' })
  })

  test.each([
    ['origin', new Writer().uint32(tag(2, VARINT)).int32(5)],
    ['eventType', new Writer().uint32(tag(1, LENGTH)).string('rep')],
  ])('%s is required', (field, rest) => {
    expect(() => read(rest)).toThrow(`missing required '${field}'`)
  })
})

test('bytes that are no UTF-8 become U+FFFD, each one', () => {
  const bytes = encodeProtobuf({ ...base, logMessage: { ...log, source_instance: '😀' } })
  bytes[bytes.lastIndexOf(0x80)] = 0x20
  expect(read(bytes).logMessage?.source_instance).toBe('\ufffd\ufffd\ufffd ')
})

describe('a broken message is refused', () => {
  test('wherever it is cut but between two fields', () => {
    const whole = encodeProtobuf(base)
    const fieldEnds = [7, 17]
    for (let size = 0; size < whole.length; size++) {
      const cut = () => read(whole.subarray(0, size))
      if (fieldEnds.includes(size)) expect(cut().logMessage).toBeUndefined()
      else expect(cut, `cut to ${size} bytes`).toThrow('not an envelope in protobuf')
    }
  })

  test.each([
    ['timestamp', new Writer().uint32(tag(6, FIXED64)).fixed64(1)],
    ['logMessage', new Writer().uint32(tag(8, VARINT)).uint32(1)],
    ['source_type', new Writer().uint32(tag(8, LENGTH)).fork().uint32(tag(5, VARINT)).uint32(1).ldelim()],
    ['ip', new Writer().uint32(tag(16, VARINT)).uint32(1)],
  ])('for the wrong wire type of %s', (_, wrong) => {
    expect(() => read(encodeProtobuf(base), wrong)).toThrow('has the wrong wire type')
  })

  test.each([
    ['a varint of eleven bytes', Buffer.from([...varintTag(100), ...Array(10).fill(0xff), 0x01])],
    ['field number 0', Buffer.from([0x00, 0x01])],
    ['an unknown wire type', Buffer.from([0x07])],
    ['the end of a group that never began', Buffer.from([0x0c])],
    ['groups nested without end', Buffer.alloc(1_000_000, tag(9, 3))],
  ])('for %s', (_, bytes) => {
    expect(() => read(encodeProtobuf(base), bytes)).toThrow('not an envelope in protobuf')
  })
})

function varintTag(field: number): Uint8Array {
  return new Writer().uint32(tag(field, VARINT)).finish()
}

test('the encoder names the methods that proto/ has', () => {
  const { valuesById } = dropsonde.lookupEnum('events.Method')
  expect(METHODS.slice(1)).toEqual(Object.values(valuesById))
})

test('each field of proto/ has its wire type checked', () => {
  for (const [type, wrap] of [
    ['Envelope', (bytes: Uint8Array) => bytes],
    ['LogMessage', (bytes: Uint8Array) => new Writer().uint32(tag(8, LENGTH)).bytes(bytes).finish()],
  ] as const) {
    for (const { id } of dropsonde.lookupType(`events.${type}`).fieldsArray) {
      const wrong = new Writer().uint32(tag(id, 5)).fixed32(0).finish()
      expect(() => read(encodeProtobuf(base), wrap(wrong)), `${type} field ${id}`).toThrow('wire type')
    }
  }
})
