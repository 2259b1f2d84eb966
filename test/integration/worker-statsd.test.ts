import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePorts } from '../../dev/free-port.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { type StatsdServer, startStatsd } from '../../dev/statsd.ts'
import { Installation } from '../support/installation.ts'

const mix = loadMix()
const ENVELOPES = 2000
const numbers = Array.from({ length: ENVELOPES }, (_, number) => number)
const countOf = (kind: string) => numbers.filter((number) => mix.kind(number) === kind).length

let site: Installation
let statsd: StatsdServer | undefined
beforeEach(async () => {
  site = await Installation.open()
})
afterEach(async () => {
  await statsd?.close()
  await site?.close()
})

const sum = (counters: Readonly<Record<string, unknown>>, metric: string) =>
  Object.entries(counters).reduce((total, [name, value]) => (name.endsWith(metric) ? total + Number(value) : total), 0)

/** How many times it has been told. */
async function durations(server: StatsdServer): Promise<number> {
  const times = Object.entries(await server.read('timers')).filter(([name]) => name.endsWith('.http_request.duration'))
  return times.flatMap(([, values]) => values).length
}

it.each(['udp', 'tcp'] as const)(
  'over %s StatsD itself counts as many requests and log lines as there were, and finds no bad line',
  async (protocol) => {
    const server = await startStatsd(protocol)
    statsd = server
    const topic = await site.kafka.topic()
    await site.kafka.produce(topic, numbers.map(mix.envelope))
    const worker = await site.start({
      CFMR_OUTPUT: 'influxdb,statsd',
      CFMR_KAFKA_TOPICS: topic,
      CFMR_STATSD_ADDR: `${protocol}://127.0.0.1:${server.port}`,
      CFMR_STATSD_MAXAGE: '0s',
      CFMR_STATSD_FLUSHINTERVAL: '500ms',
    })
    await site.committed(worker, topic)
    const { outputs, ledger } = await worker.stats()
    const points = countOf('http_request') + countOf('log') + countOf('instance')
    expect(outputs['statsd']).toMatchObject({ ack: 'handed over', records: points, refused: 0, in_flight: 0 })
    expect(ledger).toMatchObject({ written: points, residue: 0 })
    await worker.waitUntil('StatsD has them', async () => sum(await server.read('counters'), '.log.count') === countOf('log'))
    const counters = await server.read('counters')
    expect(sum(counters, '.http_request.count')).toBe(countOf('http_request'))
    expect(counters['statsd.bad_lines_seen']).toBe(0)
    expect(await durations(server)).toBe(countOf('http_request'))
    expect(Object.keys(await server.read('gauges')).some((name) => name.endsWith('.instance.memory'))).toBe(true)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  },
)

it('over UDP a daemon that is not there, and one that goes away, gets all of what it was not there for, each once', async () => {
  const [port = 0] = await freePorts(1)
  const topic = await site.kafka.topic()
  const worker = await site.start({
    CFMR_OUTPUT: 'influxdb,statsd',
    CFMR_KAFKA_TOPICS: topic,
    CFMR_STATSD_ADDR: `udp://127.0.0.1:${port}`,
    CFMR_STATSD_MAXAGE: '0s',
    CFMR_STATSD_FLUSHINTERVAL: '300ms',
    CFMR_BATCHER_FLUSHRETRIES: -1,
  })
  await worker.ready()
  let written = 0
  for (const part of [numbers.slice(0, 1200), numbers.slice(1200)]) {
    const before = (await worker.stats()).outputs['statsd']?.retries ?? 0
    await site.kafka.produce(topic, part.map(mix.envelope))
    await worker.waitUntil('it has been tried again and again', async () => {
      return ((await worker.stats()).outputs['statsd']?.retries ?? 0) >= before + 2
    })
    const { ledger, outputs } = await worker.stats()
    expect(outputs['statsd']).toMatchObject({ records: written, last_error: expect.stringMatching(/ECONNREFUSED/) })
    expect(ledger).toMatchObject({ written, residue: 0 })
    expect((await worker.get('/readyz')).body).toMatch(/StatsD at udp.*ECONNREFUSED/)
    statsd = await startStatsd('udp', { port })
    await site.committed(worker, topic)
    const of = (kind: string) => part.filter((number) => mix.kind(number) === kind).length
    const counters = await statsd.read('counters')
    expect([sum(counters, '.log.count'), sum(counters, '.http_request.count')]).toEqual([of('log'), of('http_request')])
    expect(await durations(statsd)).toBe(of('http_request'))
    expect(counters['statsd.bad_lines_seen']).toBe(0)
    written += of('log') + of('http_request') + of('instance')
    await statsd.close()
  }
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})

it('events that are older than StatsD should take for new are discarded there, and written elsewhere', async () => {
  const server = await startStatsd('udp')
  statsd = server
  const topic = await site.kafka.topic()
  await site.kafka.produce(topic, numbers.map(mix.envelope))
  const worker = await site.start({
    CFMR_OUTPUT: 'influxdb,statsd',
    CFMR_KAFKA_TOPICS: topic,
    CFMR_STATSD_ADDR: `udp://127.0.0.1:${server.port}`,
    CFMR_STATSD_FLUSHINTERVAL: '500ms',
  })
  await site.committed(worker, topic)
  const { outputs } = await worker.stats()
  expect(outputs['statsd']).toMatchObject({ records: 0, refused: 0 })
  expect(outputs['influxdb']?.records).toBe(countOf('http_request') + countOf('log') + countOf('instance'))
  expect(sum(await server.read('counters'), '.count')).toBe(0)
})
