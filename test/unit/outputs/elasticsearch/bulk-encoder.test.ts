import { expect, it, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { AppEvent, guidOf, POINT } from '../../../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../../../src/cloud-foundry/decode/decoder.ts'
import { ByteBuffer } from '../../../../src/lib/byte-buffer.ts'
import { BulkEncoder } from '../../../../src/outputs/elasticsearch/bulk-encoder.ts'
import { RecordedAck } from '../../../fakes/lines.ts'

const GUID = '7a9c1d2e-0000-4000-8000-000000000001'
const metadata = {
  app: 'shop',
  app_guid: GUID,
  space: 'dev',
  space_guid: 'sg',
  org: 'Shöp',
  org_guid: '9a8b7c6d-0000-4000-8000-000000000000',
}
const decoder = new Decoder()

/** What a log line of that time (ns, in digits) becomes. */
function encode(time: string, index = 'cf-{kind}-{yyyy.MM.dd}') {
  const event = new AppEvent()
  const text = Buffer.from('two\nlines').toString('base64')
  const log = `{"message":"${text}","message_type":1,"timestamp":${time},"app_id":"${GUID}","source_type":"APP","source_instance":"0"}`
  const message = Buffer.from(`{"origin":"rep","eventType":5,"timestamp":1480000000123456800,"logMessage":${log}}`)
  if (decoder.decode(message, event) !== POINT) throw new Error('a point expected')
  const buffer = new ByteBuffer(16)
  const app = App.of(guidOf(event), metadata, 0, { documents: true })
  const problem = new BulkEncoder({ index, maxBytes: 8192 }).encode(event, app, message, buffer, new RecordedAck(), 3)
  return { problem, lines: Buffer.from(buffer.bytes.subarray(0, buffer.length)).toString().split('\n') }
}

it('an event is an action and its document, a line each, under one id', () => {
  const { problem, lines } = encode('1480000000123456800')
  expect(problem).toBeUndefined()
  const [action = '', document = '', ...rest] = lines
  expect(rest).toEqual([''])
  const { event, message } = JSON.parse(document)
  expect(event.id).toMatch(/^[\w-]{22}$/)
  expect(message).toBe('two\nlines')
  expect(JSON.parse(action)).toEqual({ create: { _index: 'cf-log-2016.11.24', _id: event.id } })
})

it('the index may be named after its organization', () => {
  expect(encode('1480000000123456800', '{org}-{kind}').lines[0]).toContain('"_index":"sh_p-9a8b7c6d-log"')
})

test.each([
  ['the first moment that date_nanos can hold', '0', '1970-01-01T00:00:00.000000000Z', 'cf-log-1970.01.01'],
  ['the last', '9223372036854775807', '2262-04-11T23:47:16.854775807Z', 'cf-log-2262.04.11'],
])('%s is a document of its day', (_, time, timestamp, index) => {
  const { lines } = encode(time)
  expect(JSON.parse(lines[1] ?? '')['@timestamp']).toBe(timestamp)
  expect(JSON.parse(lines[0] ?? '').create._index).toBe(index)
})

it('a moment before 1970 is refused, and nothing of it is left in the batch', () => {
  const { problem, lines } = encode('-1')
  expect(problem).toContain('before 1970')
  expect(lines).toEqual([''])
})
