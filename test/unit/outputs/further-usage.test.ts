import { expect, test } from 'vitest'
import { App } from '../../../src/cloud-foundry/app.ts'
import { AppEvent, guidOf, POINT, USAGE_METRICS } from '../../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../../src/cloud-foundry/decode/decoder.ts'
import type { EventEncoder } from '../../../src/cloud-foundry/translator.ts'
import { ByteBuffer } from '../../../src/lib/byte-buffer.ts'
import { BulkEncoder } from '../../../src/outputs/elasticsearch/bulk-encoder.ts'
import { indexTemplate } from '../../../src/outputs/elasticsearch/template.ts'
import { LineEncoder } from '../../../src/outputs/influxdb/line-encoder.ts'
import { MessageEncoder, outgoing } from '../../../src/outputs/kafka/record.ts'
import { SampleEncoder } from '../../../src/outputs/statsd/sample-encoder.ts'
import { FrameEncoder, framesOf } from '../../../src/outputs/syslog/frame-encoder.ts'
import { RecordedAck } from '../../fakes/lines.ts'

const GUID = '7a9c1d2e-0000-4000-8000-000000000001'
const metadata = { app: 'cart', app_guid: GUID, space: 'dev', space_guid: 'sg', org: 'shop', org_guid: 'og' }
const event = new AppEvent()

/** What an output makes of a gauge that only Loggregator V2 has. */
function encoded(encode: EventEncoder['encode'], values: Record<string, number>): Buffer {
  const metrics = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { unit: '', value }]))
  const message = Buffer.from(
    JSON.stringify({ timestamp: '1480000000123456789', source_id: GUID, instance_id: '3', tags: {}, gauge: { metrics } }),
  )
  if (new Decoder().decode(message, event) !== POINT) throw new Error('a point expected')
  const buffer = new ByteBuffer(16)
  expect(encode(event, App.of(guidOf(event), metadata, 0, { documents: true }), message, buffer, new RecordedAck(), 3)).toBeUndefined()
  return Buffer.from(buffer.bytes.subarray(0, buffer.length))
}

const rates = { log_rate: 1318.5, log_rate_limit: -1 }

test('StatsD gets each value as a gauge', () => {
  const encoder = new SampleEncoder({ format: 'plain', name: '{app}.{instance}.{metric}', maxAgeMs: 0, worker: 'w', mtu: 1432 })
  expect(encoded(encoder.encode.bind(encoder), rates).toString()).toBe(
    'g 1480000000123456789 1318.5 cart.3.instance.log_rate \ng 1480000000123456789 -1 cart.3.instance.log_rate_limit \n',
  )
})

test('syslog gets each value as structured data, with the unit that the platform gives it', () => {
  const encoder = new FrameEncoder({ maxBytes: 8192, escapesLf: false, metrics: true })
  const bytes = encoded(encoder.encode.bind(encoder), { ...rates, cpu_entitlement: 12.5 })
  expect(Array.from(framesOf(bytes, 0, bytes.length), (frame) => /\[gauge@47450 (.*?)\]/.exec(String(frame))?.[1])).toEqual([
    'name="cpu_entitlement" value="12.5" unit="percentage"',
    'name="log_rate" value="1318.5" unit="B/s"',
    'name="log_rate_limit" value="-1" unit="B/s"',
  ])
})

test('its index and its topic are those of usage', () => {
  const elasticsearch = new BulkEncoder({ index: 'cf-{kind}', maxBytes: 8192 })
  const [action = '', document = ''] = encoded(elasticsearch.encode.bind(elasticsearch), rates).toString().split('\n')
  expect(JSON.parse(action)).toMatchObject({ create: { _index: 'cf-container' } })
  expect(JSON.parse(document).cloudfoundry.container).toEqual(rates)
  const kafka = new MessageEncoder({ topic: 'cf-{kind}', key: 'none', format: 'document', maxBytes: 8192 })
  const bytes = encoded(kafka.encode.bind(kafka), rates)
  expect(outgoing({ bytes, count: 1, endOf: () => bytes.length, place: undefined }).messages).toMatchObject([{ topic: 'cf-container' }])
})

test('the index template has each value as a double', () => {
  const { container } = (
    indexTemplate('cf', false) as {
      template: { mappings: { properties: { cloudfoundry: { properties: Record<string, { properties: object }> } } } }
    }
  ).template.mappings.properties.cloudfoundry.properties
  expect(container?.properties).toMatchObject(Object.fromEntries(USAGE_METRICS.map((name) => [name, { type: 'double' }])))
})

test('InfluxDB gets numbers of any length without an exponent', () => {
  const lines = new LineEncoder({ uniqueTimestamps: false })
  const all = Object.fromEntries(USAGE_METRICS.map((name) => [name, 1e300]))
  const line = encoded((each, app, message, buffer) => lines.encode(each, app, message, buffer), all).toString()
  const digits = `1${'0'.repeat(300)}`
  expect(line).toBe(
    `instance,app=cart,app_guid=${GUID},instance=3,org=shop,org_guid=og,space=dev,space_guid=sg ` +
      `${USAGE_METRICS.map((name) => `${name}=${digits}`).join(',')} 1480000000123456789\n`,
  )
})
