import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { startCarbon } from '../../dev/carbon.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { startStatsdExporter } from '../../dev/statsd-exporter.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { Installation } from '../support/installation.ts'

/** What an app must not be called, and may be; the last two are cut, and differ behind that. */
const LONG = 'x'.repeat(300)
const NAMES = ['cart', 'a.b/c', 'n:1|c\ncf.forged:7|c|#app:cart', 'p 9 1700000000\ncf.forged 9 1700000000', `${LONG}1`, `${LONG}2`]
const ENVELOPES = 1200
/** A minute old, since Carbon keeps what is recent alone. */
const mix = loadMix({ apps: NAMES.length, firstTimestampNs: BigInt(Date.now() - 60_000) * 1_000_000n, stepNs: 10_000_000n })
const numbers = Array.from({ length: ENVELOPES }, (_, number) => number)
const countOf = (kind: string) => numbers.filter((number) => mix.kind(number) === kind).length
const isUsage = (number: number) => mix.kind(number) === 'instance'
/** As a runtime may tell it whose clock was set back. */
const envelopes = numbers.map((number) => {
  const text = mix.envelope(number).toString()
  return isUsage(number) ? text.replace(/"cpuPercentage":[^,]+/, '"cpuPercentage":-5.25') : text
})
const instances = new Set(
  envelopes
    .filter((_, number) => isUsage(number))
    .map((text) => /"containerMetric":\{"applicationId":"(.*?)","instanceIndex":(\d+)/.exec(text)?.slice(1).join()),
)

const apps = join(scratchFolder('apps'), 'apps.json')
writeFileSync(apps, JSON.stringify(mix.apps.map((app, index) => ({ ...app, app: NAMES[index] }))))

/** Servers are fetched, and one is built, when they are started first. */
const FETCHING_MS = 600_000
beforeAll(async () => {
  for (const start of [startCarbon, startStatsdExporter]) await (await start()).close()
}, FETCHING_MS)

let site: Installation
beforeEach(async () => {
  site = await Installation.open()
})
afterEach(() => site?.close())

/** A worker whose apps have those names, writing to a server there. */
async function startWith(topic: string, address: string, format: string): Promise<WorkerProcess> {
  return await site.start({
    CFMR_OUTPUT: 'influxdb,statsd',
    CFMR_KAFKA_TOPICS: topic,
    CFMR_CF_API: `file:${apps}`,
    CFMR_STATSD_ADDR: address,
    CFMR_STATSD_FORMAT: format,
    CFMR_STATSD_FLUSHINTERVAL: format === 'graphite' ? '1s' : '300ms',
    ...(format !== 'graphite' && { CFMR_STATSD_MAXAGE: '0s' }),
    CFMR_BATCHER_FLUSHMESSAGES: 100,
  })
}

it('Carbon has the sum of each interval, of a start over TCP and one over UDP and of every name, and nothing that a name forges', async () => {
  const server = await startCarbon()
  onTestFinished(() => server.close())
  const topic = await site.kafka.topic()
  for (const [protocol, part] of [
    ['tcp', envelopes.slice(0, 700)],
    ['udp', envelopes.slice(700)],
  ] as const) {
    await site.kafka.produce(topic, part)
    const worker = await startWith(topic, `${protocol}://127.0.0.1:${server.port}`, 'graphite')
    await site.committed(worker, topic)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  }
  const all = (metric: RegExp) => [...server.stored()].filter(([path]) => metric.test(path))
  const total = (metric: RegExp) => all(metric).reduce((sum, [, series]) => [...series.values()].reduce((a, b) => a + b, sum), 0)
  await expect.poll(() => total(/\.log\.count\.0-[0-9a-f]{8}$/)).toBe(countOf('log'))
  await expect.poll(() => total(/\.http_request\.count\.0-[0-9a-f]{8}$/)).toBe(countOf('http_request'))
  const cpus = () => all(/\.instance\.cpu\.0-[0-9a-f]{8}$/).filter(([, series]) => series.size > 0)
  await expect.poll(() => new Set(cpus().map(([path]) => path.replace(/\.[^.]+$/, ''))).size).toBe(instances.size)
  expect(new Set(cpus().flatMap(([, series]) => [...series.values()]))).toEqual(new Set([-5.25]))
  expect(new Set([...server.stored().keys()].map((path) => path.split('.')[3])).size).toBe(NAMES.length)
  for (const path of server.stored().keys())
    expect(path).toMatch(/^cf(\.[\w-]+){4}\.(http_request|log|instance)\.\w+\.0-[0-9a-f]{8}(\.sum|\.max)?$/)
  expect(server.problems()).toEqual([])
})

it.each([
  ['dogstatsd', 'udp'],
  ['influx', 'tcp'],
] as const)(
  'statsd_exporter reads %s over %s: counts and times are exact, a gauge below zero is what it is, names are tags and nothing else',
  async (format, protocol) => {
    const server = await startStatsdExporter()
    onTestFinished(() => server.close())
    const topic = await site.kafka.topic()
    await site.kafka.produce(topic, envelopes)
    const worker = await startWith(topic, `${protocol}://127.0.0.1:${server.ports[protocol]}`, format)
    await site.committed(worker, topic)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })

    const samples = async (name: string) => (await server.samples()).filter((sample) => sample.name === name)
    const total = async (name: string) => (await samples(name)).reduce((sum, { value }) => sum + value, 0)
    await expect.poll(() => total('cf_log_count')).toBe(countOf('log'))
    expect(await total('cf_http_request_count')).toBe(countOf('http_request'))
    expect(await total('cf_http_request_duration_count')).toBe(countOf('http_request'))
    const cpus = await samples('cf_instance_cpu')
    expect(new Set(cpus.map(({ value }) => value))).toEqual(new Set([-5.25]))
    expect(cpus).toHaveLength(instances.size)
    expect(await total('statsd_exporter_tag_errors_total')).toBe(0)
    expect(await total('statsd_exporter_sample_errors_total')).toBe(0)
    expect(await total('statsd_exporter_events_error_total')).toBe(0)
    const ours = (await server.samples()).filter(({ name }) => /^cf_/.test(name))
    expect(new Set(ours.map(({ labels }) => labels['app'])).size).toBe(NAMES.length)
    for (const { name, labels } of ours) {
      expect(name).toMatch(/^cf_(http_request|log|instance)_\w+$/)
      const [request, other] = [
        ['app', 'instance', 'method', 'org', 'space', 'status_code'],
        ['app', 'instance', 'org', 'space'],
      ]
      expect(
        Object.keys(labels)
          .filter((key) => key !== 'quantile')
          .sort(),
      ).toEqual(name.startsWith('cf_http') ? request : other)
    }
  },
)
