import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { CONTAINER, HTTP, LOG } from '../../../../src/cloud-foundry/app-event.ts'
import { ByteBuffer } from '../../../../src/lib/byte-buffer.ts'
import { decimal } from '../../../../src/outputs/statsd/decimal.ts'
import { IntervalSums } from '../../../../src/outputs/statsd/interval-sums.ts'
import { templateProblem } from '../../../../src/outputs/statsd/metric-names.ts'
import { packed, statsdPackets } from '../../../../src/outputs/statsd/packets.ts'
import { SampleEncoder, type SampleEncoderOptions } from '../../../../src/outputs/statsd/sample-encoder.ts'
import { type EventFields, makeEvent } from '../../../support/make-event.ts'

const PLAIN = 'cf.{org}.{space}.{app}.{instance}.{metric}'
const AT = '1480000000123456789'
const MTU = 1432

/** Lines of all packets that these events make. */
function linesOf(events: readonly EventFields[], options: Partial<SampleEncoderOptions> = {}, names: { app?: string; org?: string } = {}) {
  const metadata = { app: names.app ?? 'cart', app_guid: 'ag', space: 'dev', space_guid: 'sg', org: names.org ?? 'shop', org_guid: 'og' }
  const app = App.of('ag', metadata, 0, { documents: true })
  const encoder = new SampleEncoder({ format: 'plain', name: PLAIN, maxAgeMs: 0, worker: '0-abc', mtu: MTU, ...options })
  const buffer = new ByteBuffer(16)
  const taken = events.map((event) => encoder.encode(makeEvent(event), app, new Uint8Array(0), buffer) === undefined)
  const samples = buffer.bytes.subarray(0, buffer.length)
  const isGraphite = options.format === 'graphite'
  const packets = isGraphite ? packed(new IntervalSums(10_000).add(samples), MTU) : statsdPackets(samples, MTU)
  return { lines: packets.flatMap((packet) => packet.toString().split('\n')), taken, packets }
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

test.each(['plain', 'dogstatsd', 'influx'] as const)(
  '%s: a gauge below zero comes with its zero in one packet, however full that is',
  (format) => {
    const name = format === 'plain' ? PLAIN : 'cf.{metric}'
    const usages = Array.from({ length: 40 }, (_, instance) => ({ ...usage, cpu: '-5', instance: String(instance) }))
    const { packets } = linesOf(usages, { format, name })
    expect(packets.length).toBeGreaterThan(3)
    let found = 0
    for (const packet of packets) {
      const lines = packet.toString().split('\n')
      for (const [at, line] of lines.entries()) {
        if (!line.includes(':-5|g')) continue
        expect(lines[at - 1]).toBe(line.replace(':-5|g', ':0|g'))
        found++
      }
    }
    expect(found).toBe(40)
  },
)

it('a duration below zero is no time: the request is counted alone', () => {
  const { lines } = linesOf([{ ...request, durationNanoseconds: -5 }])
  expect(lines).toEqual(['cf.shop.dev.cart.0.http_request.count:1|c', 'cf.shop.dev.cart.0.http_request.response_size:12|c'])
})

it('a template may name the metric twice', () => {
  const { lines } = linesOf([usage], { name: '{metric}.of.{metric}' })
  expect(lines[0]).toBe('instance.cpu.of.instance.cpu:1.5|g')
})

it('sizes that add up beyond what a double holds are exact', () => {
  const large = { ...request, contentLength: '9223372036854775807' }
  expect(linesOf(Array.from({ length: 200 }, () => large)).lines.at(-1)).toBe(
    `cf.shop.dev.cart.0.http_request.response_size:${9_223_372_036_854_775_807n * 200n}|c`,
  )
})

test('times are exact to the ns, and sums of counts to the last digit', () => {
  const event = fc.record({
    durationSeconds: fc.integer({ min: 0, max: 9_000_000_000 }),
    durationNanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    contentLength: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
  })
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (events) => {
      const { lines } = linesOf(events.map((each) => ({ ...request, ...each })))
      const size = events.reduce((sum, { contentLength }) => sum + BigInt(contentLength), 0n)
      expect(lines.at(-1)).toBe(`cf.shop.dev.cart.0.http_request.response_size:${size}|c`)
      for (const [at, { durationSeconds, durationNanoseconds }] of events.entries()) {
        const [, whole = '', fraction = ''] = /:(\d+)(?:\.(\d+))?\|ms$/.exec(lines[at] ?? '') ?? []
        const ns = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
        const exact = BigInt(durationSeconds) * 1_000_000_000n + BigInt(durationNanoseconds)
        // Beyond weeks, whole ms are told.
        expect(durationSeconds < 2_000_000 ? ns : ns / 1_000_000n).toBe(durationSeconds < 2_000_000 ? exact : exact / 1_000_000n)
      }
    }),
  )
})

test.each([
  ['1.5', '1.5'],
  ['1e-7', '0.0000001'],
  ['-2.5E-9', '-0.0000000025'],
  ['1e+21', '1000000000000000000000'],
  ['1e-40', '0'],
])('%s is written as %s', (text, written) => {
  expect(decimal(text)).toBe(written)
})

describe('Graphite', () => {
  const graphite = { format: 'graphite', name: `${PLAIN}.{worker}` } as const

  it('is told sums of the interval that the events fall into, of durations sum and maximum, of usage the last', () => {
    const later = { ...usage, timestamp: '1480000009999999999', memory: '11' }
    const { lines } = linesOf([request, { ...request, durationNanoseconds: 500_000_000 }, later, usage], graphite)
    expect(lines).toEqual([
      'cf.shop.dev.cart.0.http_request.count.0-abc 2 1480000000',
      'cf.shop.dev.cart.0.http_request.response_size.0-abc 24 1480000000',
      'cf.shop.dev.cart.0.http_request.duration.0-abc.sum 750 1480000000',
      'cf.shop.dev.cart.0.http_request.duration.0-abc.max 500 1480000000',
      'cf.shop.dev.cart.1.instance.cpu.0-abc 1.5 1480000000',
      'cf.shop.dev.cart.1.instance.memory.0-abc 11 1480000000',
      'cf.shop.dev.cart.1.instance.memory_quota.0-abc 30 1480000000',
      'cf.shop.dev.cart.1.instance.disk.0-abc 20 1480000000',
      'cf.shop.dev.cart.1.instance.disk_quota.0-abc 40 1480000000',
    ])
  })

  it('has no time before 1970: such an event is not taken', () => {
    expect(linesOf([{ ...request, timestamp: '-1' }], graphite).taken).toEqual([false])
  })

  test('however events are split into batches, what is said last of each path and time is the sum of all', () => {
    const event = fc.record({ name: fc.constantFrom('a', 'b'), second: fc.nat(60), value: fc.nat(1000), ends: fc.boolean() })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const sums = new IntervalSums(10_000)
        const said = new Map<string, number>()
        const wanted = new Map<string, number>()
        let batch = ''
        const end = () => {
          for (const line of sums.add(Buffer.from(batch))) said.set(line.replace(/ \S+ /, ' '), Number(line.split(' ')[1]))
          batch = ''
        }
        for (const { name, second, value, ends } of events) {
          const key = `${name} ${second - (second % 10)}`
          wanted.set(key, (wanted.get(key) ?? 0) + value)
          batch += `c ${second}000000000 ${value} ${name} \n`
          if (ends) end()
        }
        end()
        expect(said).toEqual(wanted)
      }),
    )
  })

  const add = (sums: IntervalSums, ...samples: readonly string[]) => sums.add(Buffer.from(samples.map((text) => `${text} \n`).join('')))

  it('keeps so many sums and no more: those that have not grown for the longest go, and what may have begun anew is counted', () => {
    const sums = new IntervalSums(1000, 2)
    add(sums, 'c 1000000000 1 a', 'c 1000000000 1 b')
    add(sums, 'c 1000000000 1 a')
    expect(sums.restarted).toBe(0)
    expect(add(sums, 'c 1000000000 1 c', 'c 1000000000 1 a')).toEqual(['c 1 1', 'a 3 1'])
    expect(sums.restarted).toBe(0)
    expect(add(sums, 'c 1000000000 1 b')).toEqual(['b 1 1'])
    expect(sums.restarted).toBe(1)
  })

  it('forgets what is long over without counting it', () => {
    const sums = new IntervalSums(1000, 2)
    for (let second = 1; second < 100; second++) add(sums, `c ${second}000000000 1 a`, `c ${second}000000000 1 b`)
    expect(sums.restarted).toBe(0)
  })

  it('sums up durations as doubles do, whatever batches they come in', () => {
    const sums = new IntervalSums(1000)
    add(sums, 'm 1000000000 0.1 t', 'm 1000000000 12.25 t')
    expect(add(sums, 'm 1000000000 3 t')).toEqual(['t.sum 15.35 1', 't.max 12.25 1'])
  })
})

it.each([
  ['dogstatsd', 'cf.http_request.count:1|c|#app:ca_rt,space:dev,org:shop,instance:0,method:GET,status_code:200'],
  ['influx', 'cf.http_request.count,app=ca_rt,space=dev,org=shop,instance=0,method=GET,status_code=200:1|c'],
] as const)('%s has names in tags', (format, line) => {
  expect(linesOf([request], { format, name: 'cf.{metric}' }, { app: 'ca|rt' }).lines).toContain(line)
})

describe('long names', () => {
  const long = 'x'.repeat(255)
  const formats = ['plain', 'dogstatsd', 'influx', 'graphite'] as const
  const nameIn = (format: (typeof formats)[number]) => (format === 'dogstatsd' || format === 'influx' ? 'cf.{metric}' : PLAIN)

  test.each(formats)('%s: they are cut so that lines fit into packets and parts into names of files', (format) => {
    const { lines, packets } = linesOf([request, usage], { format, name: nameIn(format) }, { app: `${long}a`, org: long })
    expect(lines).toHaveLength(format === 'graphite' ? 9 : 8)
    for (const packet of packets) expect(packet.length).toBeLessThanOrEqual(MTU)
    for (const line of lines) for (const part of line.split(/[ :|,;=]/)[0]?.split('.') ?? []) expect(part.length).toBeLessThanOrEqual(250)
  })

  test.each(formats)('%s: two that begin alike stay two', (format) => {
    const of = (app: string) => linesOf([request], { format, name: nameIn(format) }, { app })
    expect(of(`${long}a`).lines[0]).not.toBe(of(`${long}b`).lines[0])
    expect(of(`${long}a`).lines[0]).toBe(of(`${long}a`).lines[0])
  })

  it('are cut the more the smaller packets are, to a line that fits', () => {
    const wide = '\u{1f600}'.repeat(150)
    const { packets } = linesOf([request], { format: 'dogstatsd', name: 'cf.{metric}', mtu: 512 }, { app: wide, org: wide })
    for (const packet of packets) {
      expect(packet.toString()).not.toContain('\ufffd')
      for (const line of packet.toString().split('\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(512)
    }
  })

  it('of parts without a dot between them make no name longer than a file’s', () => {
    const names = { app: 'a'.repeat(180), org: 'o'.repeat(180) }
    const { lines } = linesOf([request], { format: 'graphite', name: '{org}_{app}_{metric}' }, names)
    for (const line of lines) {
      expect(line).toMatch(/^o+-[0-9a-f]{8}_a+-[0-9a-f]{8}_http_request\.\w+(\.sum|\.max)? [\d.]+ \d+$/)
      for (const part of (line.split(' ')[0] ?? '').split('.')) expect(part.length).toBeLessThanOrEqual(250)
    }
  })
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
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.constantFrom('plain', 'dogstatsd', 'influx', 'graphite'),
      (app, org, format) => {
        const isTagged = format === 'dogstatsd' || format === 'influx'
        const { lines } = linesOf([request, usage], { format, ...(isTagged && { name: 'cf.{metric}' }) }, { app, org })
        expect(lines).toHaveLength(format === 'graphite' ? 9 : 8)
        const grammar = {
          plain: /^cf(\.[\w-]+){4}\.(http_request|instance)\.\w+:[\d.]+\|(c|ms|g)$/,
          dogstatsd: /^cf\.\w+\.\w+:[\d.]+\|(c|ms|g)\|#\w+:[^,|:#@\s]+(,\w+:[^,|:#@\s]+)*$/,
          influx: /^cf\.\w+\.\w+(,\w+=[^,|:=#@\s]+)*:[\d.]+\|(c|ms|g)$/,
          graphite: /^cf(\.[\w-]+){4}\.(http_request|instance)\.\w+(\.sum|\.max)? [\d.]+ \d+$/,
        }[format]
        for (const line of lines) expect(line).toMatch(grammar)
      },
    ),
    { numRuns: 100 },
  )
})

test('packets keep to their size, and lines are whole', () => {
  const samples = fc.array(fc.record({ name: fc.stringMatching(/^[a-z]{1,80}$/), value: fc.nat() }), { maxLength: 60 })
  fc.assert(
    fc.property(samples, fc.integer({ min: 100, max: 600 }), (all, mtu) => {
      const samples = all.map(({ name, value }) => `c 1 ${value} ${name} \n`).join('')
      const packets = statsdPackets(Buffer.from(samples), mtu)
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
  ['cf.{apps}.{metric}', '{org}, {space}, {app}, {instance}, {metric} and {worker} alone, {apps} is none of them'],
  [`${'x'.repeat(200)}{metric}`, 'at most 200 characters'],
  ['cf:{metric}', 'A-Z, a-z, 0-9, _, - and . between the placeholders'],
])('the template %s: %s', (template, problem) => {
  expect(templateProblem(template)).toBe(problem)
})
