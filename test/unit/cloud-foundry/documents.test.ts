import { describe, expect, it, test } from 'vitest'
import { App } from '../../../src/cloud-foundry/app.ts'
import { AppEvent, guidOf, POINT } from '../../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../../src/cloud-foundry/decode/decoder.ts'
import { DocumentEncoder } from '../../../src/cloud-foundry/documents/document.ts'
import type { AppMetadata } from '../../../src/cloud-foundry/metadata.ts'
import { ByteBuffer } from '../../../src/lib/byte-buffer.ts'
import { RecordedAck } from '../../fakes/lines.ts'
import { expectedDocument, parseExactly } from '../../support/document-oracle.ts'
import { goldenMessages } from '../../support/golden.ts'

const ack = new RecordedAck()
const decoder = new Decoder()

function documentOf(message: Uint8Array, appOf: (guid: string) => AppMetadata | undefined, maxBytes = 262_144) {
  const event = new AppEvent()
  if (decoder.decode(message, event) !== POINT) return undefined
  const guid = guidOf(event)
  const buffer = new ByteBuffer(16)
  const encoder = new DocumentEncoder({ maxBytes })
  encoder.append(event, App.of(guid, appOf(guid), 0, { documents: true }), ack, 3, buffer)
  const text = buffer.bytes.toString('utf8', 0, buffer.length)
  return { text, document: JSON.parse(text), guid, truncated: encoder.truncated }
}

const metadata: AppMetadata = { app: 'shop "x"', app_guid: 'ag', space: 'späce', space_guid: 'sg', org: 'o\\rg', org_guid: 'og' }

/** An envelope as the nozzle spells it. */
function log(fields: object): Buffer {
  const message = { message_type: 1, timestamp: 1, app_id: 'ag', source_type: 'APP/PROC/WEB', source_instance: '0', ...fields }
  return Buffer.from(JSON.stringify({ origin: 'rep', eventType: 5, timestamp: 1, logMessage: message }))
}

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString('base64')
const messageOf = (bytes: string | Uint8Array, maxBytes?: number) => documentOf(log({ message: base64(bytes) }), () => metadata, maxBytes)

describe('the documents of all envelopes of which the original makes points', () => {
  // What Go's JSON reader allows beyond JSON.parse is the decoder's own test.
  const points = goldenMessages.filter(
    ({ golden, name }) => golden.outcome === 'point' && !/^edge\/(key-case|duplicates|nulls|enum)/.test(name),
  )
  test.each(points)('$name', ({ golden, message, apps }) => {
    const json = golden.json ?? Buffer.from(golden.json_base64 ?? '', 'base64').toString()
    const made = documentOf(message, (guid) => apps.find(({ app_guid }) => app_guid === guid))
    if (made === undefined) throw new Error('a document expected')
    const app = apps.find(({ app_guid }) => app_guid === made.guid) as AppMetadata
    expect(made.text).not.toContain('\n')
    expect(made.document).toEqual(expectedDocument(parseExactly(json), app, made.document.event.id))
  })
})

describe('the message of a log event', () => {
  it.each([
    ['one LF at its end goes', 'a\n\n', 'a\n'],
    ['CR stays', 'a\r\n', 'a\r'],
    ['it may be empty', '', ''],
    ['quotes, backslashes, controls and line breaks are its own', 'a"b\\c\u0000\t\nd', 'a"b\\c\u0000\t\nd'],
    ['characters beyond ASCII are whole', 'zürich 🎉', 'zürich 🎉'],
    [
      'each maximal invalid part becomes one U+FFFD',
      Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x62, 0xf0, 0x9f, 0x63]),
      'a\ufffd\ufffdb\ufffdc',
    ],
  ])('%s', (_, bytes, text) => {
    expect(messageOf(bytes)?.document.message).toBe(text)
  })

  it.each([
    ['at the limit nothing is cut', 'x'.repeat(100), 100, 100, undefined],
    ['beyond it is cut and marked', 'x'.repeat(101), 100, 100, true],
    ['never within a character', `${'x'.repeat(99)}ü`, 100, 99, true],
  ])('%s', (_, text, maxBytes, length, mark) => {
    const made = messageOf(text, maxBytes)
    expect(Buffer.byteLength(made?.document.message)).toBe(length)
    expect(made?.document.event.truncated).toBe(mark)
    expect(made?.truncated).toBe(mark === true ? 1 : 0)
  })

  it('has neither stream nor logger where the message has none', () => {
    expect(documentOf(log({ message_type: 7, source_type: 'APP' }), () => metadata)?.document.log).toEqual({ logger: 'APP' })
    expect(documentOf(log({ message_type: 2 }), () => metadata)?.document.log).toEqual({ iostream: 'stderr', logger: 'APP/PROC/WEB' })
  })
})

it('names are as Cloud Controller gives them, and an app that it does not know has its id alone', () => {
  expect(messageOf('x')?.document.cloudfoundry).toEqual({
    app: { id: 'ag', name: 'shop "x"', instance: { id: '0' } },
    space: { id: 'sg', name: 'späce' },
    org: { id: 'og', name: 'o\\rg' },
  })
  expect(documentOf(log({}), () => undefined)?.document.cloudfoundry).toEqual({ app: { id: 'ag', instance: { id: '0' } } })
})

it.each([
  ['0', '1970-01-01T00:00:00.000000000Z'],
  ['-1', '1969-12-31T23:59:59.999999999Z'],
  ['1763989200123456789', '2025-11-24T13:00:00.123456789Z'],
  ['9223372036854775807', '2262-04-11T23:47:16.854775807Z'],
  ['-9223372036854775808', '1677-09-21T00:12:43.145224192Z'],
])('time %s is %s', (timestamp, text) => {
  const spelled = log({}).toString().replace('"timestamp":1,"app_id"', `"timestamp":${timestamp},"app_id"`)
  expect(documentOf(Buffer.from(spelled), () => metadata)?.document['@timestamp']).toBe(text)
})
