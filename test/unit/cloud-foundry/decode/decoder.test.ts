import { describe, expect, test } from 'vitest'
import { AppEvent, DISCARDED, NO_APP_GUID, POINT, UNDECODABLE } from '../../../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../../../src/cloud-foundry/decode/decoder.ts'

const decoder = new Decoder()
const event = new AppEvent()
const decode = (message: string | Buffer) => decoder.decode(Buffer.from(message), event)

/** origin "", eventType ValueMetric. */
const VALUE_METRIC_PROTOBUF = Buffer.from([0x0a, 0x00, 0x10, 0x06])

describe('what a message is encoded in', () => {
  test.each(['{', ' {', '\t{', '\r{', '\n{', '\n\n{'])('is JSON where it begins with %j', (start) => {
    expect(decode(`${start}"eventType":6}`)).toBe(DISCARDED)
  })

  test('is JSON where it is null, an empty envelope', () => {
    expect(decode('null')).toBe(NO_APP_GUID)
    expect(decode('\nnull')).toBe(NO_APP_GUID)
  })

  test('is protobuf where it begins with origin, which is a newline too', () => {
    expect(decode(VALUE_METRIC_PROTOBUF)).toBe(DISCARDED)
  })

  test('is protobuf where it begins with another field', () => {
    expect(decode(Buffer.concat([VALUE_METRIC_PROTOBUF.subarray(2), VALUE_METRIC_PROTOBUF.subarray(0, 2)]))).toBe(DISCARDED)
  })
})

describe('an undecodable message', () => {
  test.each([
    ['of no bytes', '', 'the message is empty'],
    ['of broken JSON', '{"eventType":}', 'not an envelope in JSON: byte 13'],
    ['that begins with a byte order mark', '\ufeff{}', 'not an envelope in protobuf'],
    ['of other JSON', '[{}]', 'not an envelope in protobuf'],
    ['of plain text', 'hello', 'not an envelope in protobuf'],
    ['of a newline and plain text', '\nhello', 'not an envelope in protobuf: index out of range'],
    ['of a newline and plain text', '\nhello', 'not an envelope in JSON: byte 1 is h'],
    ['of a truncated protobuf', VALUE_METRIC_PROTOBUF.subarray(0, 3), 'not an envelope in protobuf'],
  ])('%s has its reason in words', (_, message, reason) => {
    expect(decode(message)).toBe(UNDECODABLE)
    expect(event.problem).toContain(reason)
  })

  test('that is absent has its reason in words', () => {
    expect(decoder.decode(null, event)).toBe(UNDECODABLE)
    expect(event.problem).toBe('the message is empty')
  })
})

describe('the verdict', () => {
  const log = (members: string) => `{"eventType":5,"logMessage":{${members}}}`

  test.each([
    ['a log of an app', log('"app_id":"a","source_type":"APP/PROC/WEB"'), POINT],
    ['a log of an app, in the old spelling', log('"app_id":"a","source_type":"App"'), POINT],
    ['a log of the router', log('"app_id":"a","source_type":"RTR/1"'), POINT],
    ['a log of an app without its id', log('"source_type":"APP"'), NO_APP_GUID],
    ['a log of an app with an empty id', log('"app_id":"","source_type":"APP"'), NO_APP_GUID],
    ['a log of another source', log('"app_id":"a","source_type":"STG"'), DISCARDED],
    ['a log of another source without an id', log('"source_type":"API"'), DISCARDED],
    ['a log of no source', log('"app_id":"a"'), DISCARDED],
    ['a log of a source in small letters', log('"app_id":"a","source_type":"app"'), DISCARDED],
    ['no log where one should be', '{"eventType":5}', NO_APP_GUID],
    ['a request', '{"eventType":4,"httpStartStop":{"applicationId":{"low":1,"high":2}}}', POINT],
    ['a request of an unnamed type', '{"httpStartStop":{"applicationId":{"low":1,"high":2}}}', POINT],
    ['a request with an empty id', '{"eventType":4,"httpStartStop":{"applicationId":{}}}', POINT],
    ['a request without an id', '{"eventType":4,"httpStartStop":{}}', NO_APP_GUID],
    ['no request where one should be', '{"eventType":4,"logMessage":{"app_id":"a","source_type":"APP"}}', NO_APP_GUID],
    ['a container', '{"eventType":9,"containerMetric":{"applicationId":"a"}}', POINT],
    ['a container with an empty id', '{"eventType":9,"containerMetric":{"applicationId":""}}', NO_APP_GUID],
    ['no container where one should be', '{"eventType":9}', NO_APP_GUID],
    ['another event', '{"eventType":7,"containerMetric":{"applicationId":"a"}}', DISCARDED],
    ['an unknown event', '{"eventType":-3}', DISCARDED],
  ])('of %s', (_, message, verdict) => {
    expect(decode(message)).toBe(verdict)
  })
})

test('of one message nothing is left in the next', () => {
  expect(
    decode(
      '{"eventType":5,"timestamp":7,"logMessage":{"app_id":"a","source_type":"RTR","message_type":2,"message":"YQ==","timestamp":9,"source_instance":"3"}}',
    ),
  ).toBe(POINT)
  expect(decode('{"eventType":5,"logMessage":{"app_id":"b","source_type":"APP"}}')).toBe(POINT)
  const text = (start: number, end: number) => Buffer.from(event.bytes).toString('utf8', start, end)
  expect(event).toMatchObject({ guid: 'b', isRouterLog: false, messageType: 1, payloadSize: 0 })
  expect(text(event.timestamp, event.timestampEnd)).toBe('0')
  expect(text(event.instance, event.instanceEnd)).toBe('')
})

describe('a group', () => {
  const events = Array.from({ length: 4 }, () => new AppEvent())
  const sized = (...sizes: number[]) => sizes.map((size, offset) => ({ value: Buffer.from('{}'.padEnd(size)), offset }))

  test.each([
    ['as many messages as there are events', sized(600, 600, 600, 600, 600), 4],
    ['what is left of them', sized(600, 600), 2],
    ['as many as 64 KB hold', sized(30_000, 30_000, 30_000), 2],
    ['a large message alone', sized(3_000_000, 1), 1],
    ['none that is large behind others', sized(600, 600, 70_000), 2],
    ['messages without a value, too', [{ value: null, offset: 1 }, ...sized(600)], 2],
  ])('has %s', (_, messages, count) => {
    expect(decoder.decodeGroup(messages, 0, events)).toBe(count)
  })

  test('begins where it is told to', () => {
    const messages = ['{"eventType":6}', 'null', '{"eventType":6}'].map((text, offset) => ({ value: Buffer.from(text), offset }))
    expect(decoder.decodeGroup(messages, 1, events)).toBe(2)
    expect(events.slice(0, 2).map(({ verdict }) => verdict)).toEqual([NO_APP_GUID, DISCARDED])
  })
})
