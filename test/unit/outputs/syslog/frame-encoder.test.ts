import { expect, it, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { AppEvent, guidOf, POINT } from '../../../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../../../src/cloud-foundry/decode/decoder.ts'
import { ByteBuffer } from '../../../../src/lib/byte-buffer.ts'
import { FrameEncoder, type FrameEncoderOptions, framesOf } from '../../../../src/outputs/syslog/frame-encoder.ts'
import { RecordedAck } from '../../../fakes/lines.ts'

const GUID = '7a9c1d2e-0000-4000-8000-000000000001'
const metadata = { app: 'shop "x"', app_guid: GUID, space: 'dev & qa', space_guid: 'sg', org: 'o]r\\g', org_guid: 'og' }
const envelope = { origin: 'rep', timestamp: 1480000000123456800 }
const decoder = new Decoder()

/** The messages that an envelope makes, and the encoder. */
function encode(content: object, options: Partial<FrameEncoderOptions> = {}, known = true) {
  const event = new AppEvent()
  const message = Buffer.from(JSON.stringify(content))
  if (decoder.decode(message, event) !== POINT) throw new Error('a point expected')
  const encoder = new FrameEncoder({ maxBytes: 8192, escapesLf: false, metrics: false, ...options })
  const buffer = new ByteBuffer(16)
  const app = App.of(guidOf(event), known ? metadata : undefined, 0, { documents: true })
  const answer = encoder.encode(event, app, message, buffer, new RecordedAck(), 3)
  const frames = [...framesOf(Buffer.from(buffer.bytes.subarray(0, buffer.length)), 0, buffer.length)].map(String)
  return { frames, encoder, answer }
}

function log(text: string, fields: object = {}): object {
  const message = Buffer.from(text).toString('base64')
  const from = { app_id: GUID, source_type: 'APP/PROC/WEB', source_instance: '2' }
  return { ...envelope, eventType: 5, logMessage: { message, message_type: 1, timestamp: 1480000000123456800, ...from, ...fields } }
}

it('a log line is a message as Cloud Foundry’s own agent writes it', () => {
  const [frame = '', ...others] = encode(log('hello "you"\n')).frames
  expect(others).toEqual([])
  const id = /event_id="([\w-]{22})"/.exec(frame)?.[1]
  expect(frame).toBe(
    `<14>1 2016-11-24T15:06:40.123456+00:00 o-r-g.dev-qa.shop-x- ${GUID} [APP/PROC/WEB/2] - ` +
      `[tags@47450 organization_id="og" organization_name="o\\]r\\\\g" space_id="sg" space_name="dev & qa" app_id="${GUID}" ` +
      `app_name="shop \\"x\\"" instance_id="2" source_type="APP/PROC/WEB" event_id="${id}"] hello "you"\n`,
  )
})

it('what comes from stderr has its own priority', () => {
  expect(encode(log('x', { message_type: 2 })).frames[0]).toMatch(/^<11>1 /)
})

it('a source with quotes, brackets and line breaks forges nothing', () => {
  const [frame = ''] = encode(log('x', { source_type: 'APP/a"]\n<1>' })).frames
  expect(frame).toContain(' [APP/A"]-<1>/2] - [tags')
  expect(frame).toContain(' source_type="APP/a\\"\\] <1>" event_id=')
})

it('an app without names has its id, and nothing else', () => {
  expect(encode(log('x'), {}, false).frames[0]).toMatch(
    new RegExp(` ${GUID} ${GUID} \\[APP/PROC/WEB/2\\] - \\[tags@47450 app_id="${GUID}" instance_id=`),
  )
})

test.each([
  ['NULs go', 'a\0b', {}, 'ab\n'],
  ['line feeds stay where the length tells messages apart', 'a\nb', {}, 'a\nb\n'],
  ['and are written as \\n where they do not', 'a\nb', { escapesLf: true }, 'a\\nb\n'],
  ['characters beyond ASCII are whole', 'zürich', {}, 'zürich\n'],
])('%s', (_, text, options, expected) => {
  expect(encode(log(text), options).frames[0]?.endsWith(`] ${expected}`)).toBe(true)
})

test.each([500, 501, 502, 503])('a message beyond %i bytes is cut at a character and says so', (maxBytes) => {
  const { frames, encoder } = encode(log('ü'.repeat(1000)), { maxBytes })
  const [frame = ''] = frames
  const size = Buffer.byteLength(frame)
  expect(size === maxBytes || size === maxBytes - 1).toBe(true)
  expect(frame).toMatch(/ truncated="true"\] ü+\n$/)
  expect(encoder.truncated).toBe(1)
})

it('where not even the names fit, whose it is and which it is stay', () => {
  const [frame = ''] = encode(log('ü'.repeat(1000)), { maxBytes: 350 }).frames
  expect(frame).toMatch(new RegExp(` - \\[tags@47450 app_id="${GUID}" event_id="[\\w-]{22}" truncated="true"\\] ü+\n$`))
  expect([349, 350]).toContain(Buffer.byteLength(frame))
})

it('one that just fits is whole', () => {
  const [frame = ''] = encode(log('x')).frames
  const { frames, encoder } = encode(log('x'), { maxBytes: Buffer.byteLength(frame) })
  expect([frames, encoder.truncated]).toEqual([[frame], 0])
})

const request = {
  ...envelope,
  eventType: 4,
  httpStartStop: {
    startTimestamp: 1480000000000000000,
    stopTimestamp: 1480000000250000000,
    peerType: 1,
    method: 1,
    uri: 'http://shop.example/"x"',
    statusCode: 200,
    contentLength: 12,
    applicationId: { low: 1, high: 2 },
    instanceIndex: 3,
  },
}
const usage = {
  ...envelope,
  eventType: 9,
  containerMetric: {
    applicationId: GUID,
    instanceIndex: 1,
    cpuPercentage: 1.5,
    memoryBytes: 10,
    diskBytes: 20,
    memoryBytesQuota: 30,
    diskBytesQuota: 40,
  },
}

it.each([
  ['a request', request],
  ['usage', usage],
])('%s is not for syslog unless it is asked for', (_, content) => {
  const { frames, answer } = encode(content)
  expect(frames).toEqual([])
  expect(answer).toBeDefined()
})

it('a request is structured data where it is asked for', () => {
  const { frames } = encode(request, { metrics: true })
  expect(frames).toHaveLength(1)
  expect(frames[0]).toContain(
    ' [3] - [timer@47450 name="http" duration="0.25" method="GET" status_code="200" uri="http://shop.example/\\"x\\""][tags@47450 ',
  )
  expect(frames[0]).toMatch(/event_id="[\w-]{22}"\]\n$/)
})

it('usage is a message for each gauge, one record together', () => {
  const { frames } = encode(usage, { metrics: true })
  expect(frames.map((frame) => /\[gauge@47450 (.*?)\]/.exec(frame)?.[1])).toEqual([
    'name="cpu" value="1.5" unit="percentage"',
    'name="memory" value="10" unit="bytes"',
    'name="disk" value="20" unit="bytes"',
    'name="memory_quota" value="30" unit="bytes"',
    'name="disk_quota" value="40" unit="bytes"',
  ])
})
