import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import type { FaultProxy } from '../../dev/proxy.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { Installation } from '../support/installation.ts'
import { OUTPUT_NAMES, type OutputName, type OutputPlace, type OutputServers, startOutputServers } from '../support/output-servers.ts'

const mix = loadMix()
/** Before 1970, which Elasticsearch alone refuses, since no index of a day can be named for it. */
const REFUSED = 5
const ENVELOPES = 2400
const numbers = Array.from({ length: ENVELOPES }, (_, number) => number)
const points = numbers.filter((number) => mix.kind(number) !== 'discarded').length
const logs = numbers.filter((number) => mix.kind(number) === 'log').length
const aLog = mix.envelope(numbers.find((number) => mix.kind(number) === 'log') ?? 0).toString()
const old = Array.from({ length: REFUSED }, (_, number) => Buffer.from(aLog.replaceAll(/"timestamp":\d+/g, `"timestamp":-${number + 1}`)))

let servers: OutputServers
beforeAll(async () => {
  servers = await startOutputServers()
})
afterAll(() => servers?.close())

const troubles: Readonly<Record<string, (proxy: FaultProxy) => Promise<void> | void>> = {
  away: (proxy) => proxy.refuse(),
  slow: (proxy) => proxy.throttle(50_000),
  'without answers': (proxy) => proxy.swallowAnswers(),
}

const pairs = OUTPUT_NAMES.flatMap((first, i) => OUTPUT_NAMES.slice(i + 1).map((second) => [first, second] as const))
const combinations: readonly (readonly OutputName[])[] = [...pairs, ['influxdb', 'elasticsearch', 's3']]
const AT_ONCE = 4
const groups = Array.from({ length: Math.ceil(combinations.length / AT_ONCE) }, (_, i) =>
  combinations.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
)

it.each(groups.map((group) => [group.map((names) => names.join(' and ')).join('; '), group] as const))(
  'one in trouble, a kill, and all is well again: every event is at each output, and the figures are exact: %s',
  async (_, group) => {
    await Promise.all(group.map((names) => together(names, combinations.indexOf(names))))
  },
)

async function together(names: readonly OutputName[], number: number): Promise<void> {
  const site = await Installation.open()
  onTestFinished(() => site.close())
  const places = new Map<OutputName, OutputPlace>()
  for (const name of names) {
    if (name === 'stdout') continue
    const place = await servers.place(name, site)
    onTestFinished(() => place.close())
    places.set(name, place)
  }
  const printed = new Set<string>()
  const onOutput = (line: string) => void printed.add(JSON.parse(line).event.id)
  const topic = await site.kafka.topic()
  const withoutInfluxDb = { CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '' }
  const env = {
    ...(!names.includes('influxdb') && withoutInfluxDb),
    ...(names.includes('stdout') && { CFMR_STDOUT_FORMAT: 'json' }),
    ...Object.assign({}, ...[...places.values()].map((place) => place.env)),
    CFMR_OUTPUT: names.join(','),
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_BATCHER_FLUSHINTERVAL: '100ms',
    CFMR_BATCHER_FLUSHMESSAGES: 300,
    CFMR_BATCHER_FLUSHRETRIES: -1,
  }
  const options = names.includes('stdout') ? { onOutput } : {}

  const first = await site.start(env, options)
  await first.ready()
  await site.kafka.produce(topic, numbers.slice(0, 600).map(mix.envelope))
  await first.waitUntil('something is written', async () => (await exact(first)).written > 0)
  const [, trouble] = Object.entries(troubles)[number % 3] as [string, (proxy: FaultProxy) => Promise<void> | void]
  const troubled = [...places.values()].filter(({ proxy }) => proxy !== undefined)
  const place = troubled[number % Math.max(1, troubled.length)]
  // A connection that is reset ends StatsD's own daemon (0.9.0), so that one is slow instead.
  if (place?.proxy !== undefined) await (place === places.get('statsd') ? troubles['slow'] : trouble)?.(place.proxy)
  await site.kafka.produce(topic, [...numbers.slice(600, 1200).map(mix.envelope), ...old])
  // The others go on meanwhile: what was read is with them.
  const others = names.filter((name) => places.get(name) !== place)
  await first.waitUntil('the others have taken what came', async () => {
    const { outputs } = await exact(first)
    return others.every((name) => (outputs[name]?.records ?? 0) > 600)
  })
  await first.kill()
  await place?.proxy?.heal()

  const second = await site.start(env, options)
  await site.kafka.produce(topic, numbers.slice(1200).map(mix.envelope))
  await site.committed(second, topic)
  const { ledger, outputs } = await exact(second)
  const refused = names.includes('elasticsearch') ? REFUSED : 0
  expect(ledger).toMatchObject({ in_flight: 0, residue: 0 })
  for (const name of names) {
    const figures = outputs[name]
    const taken = ledger['written'] + (name === 'elasticsearch' ? 0 : ledger['refused'])
    expect({ name, records: figures?.records, in_flight: figures?.in_flight, held: figures?.['held'] }).toEqual({
      name,
      records: taken,
      in_flight: 0,
      held: 0,
    })
    expect(figures?.['refused']).toBe(name === 'elasticsearch' ? ledger['refused'] : 0)
  }
  expect(ledger['refused']).toBeLessThanOrEqual(refused)
  expect(await second.stop()).toEqual({ code: 0, signal: undefined })

  for (const name of names) {
    const all = points + (name === 'elasticsearch' ? 0 : REFUSED)
    if (name === 'stdout') expect([name, printed.size]).toEqual([name, all])
    else if (name === 'statsd') {
      await expect.poll(() => places.get(name)?.stored(), { timeout: 30_000 }).toBeGreaterThanOrEqual(logs + REFUSED)
    } else expect([name, await places.get(name)?.stored()]).toEqual([name, all])
  }
}

/** The figures, once more each time: nothing is ever unaccounted for. */
async function exact(worker: WorkerProcess) {
  const stats = await worker.stats()
  expect(stats.ledger.residue).toBe(0)
  return { ...stats, written: stats.ledger['written'] }
}
