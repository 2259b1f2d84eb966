import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { CONTAINER, HTTP, LOG } from '../../../../src/cloud-foundry/app-event.ts'
import { ByteBuffer } from '../../../../src/lib/byte-buffer.ts'
import { templateProblem } from '../../../../src/outputs/statsd/metric-names.ts'
import { packetsOf } from '../../../../src/outputs/statsd/packets.ts'
import { SampleEncoder, type SampleEncoderOptions } from '../../../../src/outputs/statsd/sample-encoder.ts'
import { type EventFields, makeEvent } from '../../../support/make-event.ts'

const PLAIN = 'cf.{org}.{space}.{app}.{instance}.{metric}'
const AT = '1480000000123456789'

/** Lines of all packets that these events make. */
function linesOf(events: readonly EventFields[], options: Partial<SampleEncoderOptions> = {}, names: { app?: string; org?: string } = {}) {
  const metadata = { app: names.app ?? 'cart', app_guid: 'ag', space: 'dev', space_guid: 'sg', org: names.org ?? 'shop', org_guid: 'og' }
  const app = App.of('ag', metadata, 0, { documents: true })
  const encoder = new SampleEncoder({ format: 'plain', name: PLAIN, maxAgeMs: 0, ...options })
  const buffer = new ByteBuffer(16)
  const taken = events.map((event) => encoder.encode(makeEvent(event), app, new Uint8Array(0), buffer) === undefined)
  const packets = packetsOf(buffer.bytes.toString('utf8', 0, buffer.length), 1432)
  return { lines: packets.flatMap((packet) => packet.toString().split('\n')), taken }
}

const request: EventFields = {
  kind: HTTP,
  timestamp: AT,
  instance: '0',
  statusCode: '200',
  contentLength: '12',
  durationNanoseconds: 250_000_000,
}
const usage: EventFields = {
  kind: CONTAINER,
  timestamp: AT,
  instance: '1',
  cpu: '1.5',
  memory: '10',
  disk: '20',
  memoryQuota: '30',
  diskQuota: '40',
}

it('counts and sizes are added up, each duration is a time', () => {
  expect(linesOf([request, { ...request, contentLength: '30', durationNanoseconds: 500_000 }]).lines).toEqual([
    'cf.shop.dev.cart.0.http_request.duration:250|ms',
    'cf.shop.dev.cart.0.http_request.duration:0.5|ms',
    'cf.shop.dev.cart.0.http_request.count:2|c',
    'cf.shop.dev.cart.0.http_request.response_size:42|c',
  ])
})

it('log lines are counted, with their bytes', () => {
  const log: EventFields = { kind: LOG, timestamp: AT, instance: '0', payloadSize: 7 }
  expect(linesOf([log, log]).lines).toEqual(['cf.shop.dev.cart.0.log.count:2|c', 'cf.shop.dev.cart.0.log.size:14|c'])
})

it('of usage the last by the event’s time stays, whatever came last', () => {
  const older = { ...usage, timestamp: '1480000000123456788', memory: '99' }
  expect(linesOf([usage, older]).lines).toEqual([
    'cf.shop.dev.cart.1.instance.cpu:1.5|g',
    'cf.shop.dev.cart.1.instance.memory:10|g',
    'cf.shop.dev.cart.1.instance.memory_quota:30|g',
    'cf.shop.dev.cart.1.instance.disk:20|g',
    'cf.shop.dev.cart.1.instance.disk_quota:40|g',
  ])
})

it('a gauge below zero is set from zero on, not changed', () => {
  expect(linesOf([{ ...usage, cpu: '-5' }]).lines.slice(0, 2)).toEqual([
    'cf.shop.dev.cart.1.instance.cpu:0|g',
    'cf.shop.dev.cart.1.instance.cpu:-5|g',
  ])
})

it.each([
  ['dogstatsd', 'cf.http_request.count:1|c|#app:ca_rt,space:dev,org:shop,instance:0,method:GET,status_code:200'],
  ['influx', 'cf.http_request.count,app=ca_rt,space=dev,org=shop,instance=0,method=GET,status_code=200:1|c'],
] as const)('%s has names in tags', (format, line) => {
  expect(linesOf([request], { format, name: 'cf.{metric}' }, { app: 'ca|rt' }).lines).toContain(line)
})

test.each([
  [29_999, true],
  [30_001, false],
])('an event of %i ms ago is taken: %s', (ageMs, isTaken) => {
  const nowMs = () => 1480000000123 + ageMs
  expect(linesOf([request], { maxAgeMs: 30_000, nowMs }).taken).toEqual([isTaken])
})

test('no name of an app makes a metric, a tag or a line of its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('plain', 'dogstatsd', 'influx'), (app, org, format) => {
      const { lines } = linesOf([request, usage], { format, ...(format !== 'plain' && { name: 'cf.{metric}' }) }, { app, org })
      expect(lines).toHaveLength(8)
      const grammar = {
        plain: /^cf(\.[\w-]+){4}\.(http_request|instance)\.\w+:[\d.]+\|(c|ms|g)$/,
        dogstatsd: /^cf\.\w+\.\w+:[\d.]+\|(c|ms|g)\|#\w+:[^,|:#@\s]+(,\w+:[^,|:#@\s]+)*$/,
        influx: /^cf\.\w+\.\w+(,\w+=[^,|:=#@\s]+)*:[\d.]+\|(c|ms|g)$/,
      }[format]
      for (const line of lines) expect(line).toMatch(grammar)
    }),
    { numRuns: 100 },
  )
})

test('packets keep to their size, and lines are whole', () => {
  const samples = fc.array(fc.record({ name: fc.stringMatching(/^[a-z]{1,80}$/), value: fc.nat() }), { maxLength: 60 })
  fc.assert(
    fc.property(samples, fc.integer({ min: 100, max: 600 }), (all, mtu) => {
      const packets = packetsOf(all.map(({ name, value }) => `c 1 ${value} ${name} \n`).join(''), mtu)
      expect(packets.every(({ length }) => length <= mtu)).toBe(true)
      const sums = new Map<string, number>()
      for (const { name, value } of all) sums.set(name, (sums.get(name) ?? 0) + value)
      const lines = packets.flatMap((packet) => packet.toString().split('\n'))
      expect(lines).toEqual([...sums].map(([name, sum]) => `${name}:${sum}|c`))
    }),
  )
})

test.each([
  ['cf.{app}.{metric}', undefined],
  ['{metric}', undefined],
  ['cf.{app}', 'a name with {metric}'],
  ['cf.{apps}.{metric}', '{org}, {space}, {app}, {instance} and {metric} alone, {apps} is none of them'],
  ['cf:{metric}', 'A-Z, a-z, 0-9, _, - and . between the placeholders'],
])('the template %s: %s', (template, problem) => {
  expect(templateProblem(template)).toBe(problem)
})
