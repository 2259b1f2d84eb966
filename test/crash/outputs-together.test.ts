import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { loadMix } from '../../dev/load/mix.ts'
import type { FaultProxy } from '../../dev/proxy.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { documentOf } from '../support/document-of.ts'
import { Installation } from '../support/installation.ts'
import {
  MOST_MESSAGE_BYTES,
  OUTPUT_NAMES,
  type OutputName,
  type OutputPlace,
  type OutputServers,
  startOutputServers,
} from '../support/output-servers.ts'

const mix = loadMix()
/** Before 1970, which Elasticsearch alone refuses, since no index of a day can be named for it. */
const OLD = 5
/** Larger than the topic takes, which Kafka alone refuses. */
const LARGE = 2
const refusedBy = (name: OutputName) => (name === 'elasticsearch' ? OLD : name === 'kafka' ? LARGE : 0)
const ENVELOPES = 2400
/** So many are sent before the trouble, and up to so many in it. */
const FIRST = 600
const SECOND = 1200
const numbers = Array.from({ length: ENVELOPES }, (_, number) => number)
const pointsBelow = (end: number) => numbers.filter((number) => number < end && mix.kind(number) !== 'discarded').length
const logsBelow = (end: number) => numbers.filter((number) => number < end && mix.kind(number) === 'log').length
const points = pointsBelow(ENVELOPES)
const logs = logsBelow(ENVELOPES)
const aLog = mix.envelope(numbers.find((number) => mix.kind(number) === 'log') ?? 0).toString()
const old = Array.from({ length: OLD }, (_, number) => aLog.replaceAll(/"timestamp":\d+/g, `"timestamp":-${number + 1}`))
const payload = Buffer.alloc(2 * MOST_MESSAGE_BYTES, 'x').toString('base64')
const large = Array.from({ length: LARGE }, (_, number) =>
  aLog.replace(/"message":"[^"]*"/, `"message":"${payload}"`).replaceAll(/"timestamp":\d+/g, `"timestamp":160000000000000000${number}`),
)

let servers: OutputServers
beforeAll(async () => {
  servers = await startOutputServers()
})
afterAll(() => servers?.close())

type Trouble = 'away' | 'slow' | 'silent' | 'unread'

const troubles: Readonly<Record<Exclude<Trouble, 'unread'>, (proxy: FaultProxy) => Promise<void> | void>> = {
  away: (proxy) => proxy.refuse(),
  slow: (proxy) => proxy.throttle(50_000),
  silent: (proxy) => proxy.swallowAnswers(),
}

/** What happens to each, one after the other. Nobody answers at StatsD anyway, and stdout is a pipe that nobody reads. */
function troublesOf(name: OutputName): readonly Trouble[] {
  if (name === 'stdout') return ['unread']
  return name === 'statsd' ? ['away', 'slow'] : ['away', 'slow', 'silent']
}

interface Combination {
  readonly names: readonly OutputName[]
  readonly troubled: OutputName
  readonly trouble: Trouble
}

/** Every pair, and some of three. Each output is the one in trouble three times or more. */
function combinationsOf(): readonly Combination[] {
  const pairs = OUTPUT_NAMES.flatMap((first, i) =>
    OUTPUT_NAMES.slice(i + 1).map((second, j) => ({ names: [first, second], troubled: j % 2 === 0 ? first : second })),
  )
  const triples = [
    { names: ['influxdb', 'elasticsearch', 's3'], troubled: 'elasticsearch' },
    { names: ['kafka', 'statsd', 'stdout'], troubled: 'kafka' },
  ] as const
  const times = new Map<OutputName, number>()
  return [...pairs, ...triples].map(({ names, troubled }) => {
    const time = times.get(troubled) ?? 0
    times.set(troubled, time + 1)
    const known = troublesOf(troubled)
    return { names, troubled, trouble: known[time % known.length] as Trouble }
  })
}

const combinations = combinationsOf()
const AT_ONCE = 4
const groups = Array.from({ length: Math.ceil(combinations.length / AT_ONCE) }, (_, i) =>
  combinations.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
)

const titleOf = ({ names, troubled, trouble }: Combination) =>
  names.map((name) => (name === troubled ? `${name} ${trouble}` : name)).join(' and ')

it('each output is the one in trouble, in each way that it may be', () => {
  for (const name of OUTPUT_NAMES) {
    const met = combinations.filter(({ troubled }) => troubled === name).map(({ trouble }) => trouble)
    expect([name, met.length >= 3]).toEqual([name, true])
    expect([name, new Set(met)]).toEqual([name, new Set(troublesOf(name))])
  }
})

it.each(groups.map((group) => [group.map(titleOf).join('; '), group] as const))(
  'one in trouble, a kill, and all is well again: every event is at each output, and the figures are exact: %s',
  async (_, group) => {
    await Promise.all(group.map(together))
  },
)

async function together({ names, troubled, trouble }: Combination): Promise<void> {
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
  const onOutput = (line: string) => {
    const document = documentOf<{ readonly event: { readonly id: string } }>(line)
    if (document !== undefined) printed.add(document.event.id)
  }
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
  await site.kafka.produce(topic, numbers.slice(0, FIRST).map(mix.envelope))
  await first.waitUntil('something is written', async () => (await exact(first, names)).written > 0)
  const place = places.get(troubled)
  // What it has been handed may be lost when the connection breaks; what it has not must not be.
  if (troubled === 'statsd') await expect.poll(() => place?.stored()).toBe(logsBelow(FIRST))
  if (trouble === 'unread') first.stallOutput()
  else await troubles[trouble]((place as OutputPlace).proxy)
  await site.kafka.produce(topic, [...numbers.slice(FIRST, SECOND).map(mix.envelope), ...old, ...large])
  // The others go on meanwhile: what was read is with them.
  await first.waitUntil('the others have taken what came, and the one in trouble has not', async () => {
    const { outputs, written } = await exact(first, names)
    const others = names.filter((name) => name !== troubled)
    if (!others.every((name) => (outputs[name]?.records ?? 0) >= pointsBelow(SECOND))) return false
    return trouble === 'slow' || ((outputs[troubled]?.in_flight ?? 0) > 0 && written < pointsBelow(SECOND))
  })
  const killed = first.kill()
  await place?.proxy.heal()
  if (trouble === 'unread') first.resumeOutput()
  await killed

  const second = await site.start(env, options)
  await site.kafka.produce(topic, numbers.slice(SECOND).map(mix.envelope))
  await site.committed(second, topic)
  const { ledger, outputs } = await exact(second, names)
  expect(ledger).toMatchObject({ in_flight: 0, residue: 0 })
  for (const name of names) {
    const { records, refused = 0, in_flight, held } = outputs[name] ?? {}
    expect({ name, records, in_flight, held }).toEqual({ name, records: ledger.written + ledger.refused - refused, in_flight: 0, held: 0 })
    expect(refused).toBeLessThanOrEqual(refusedBy(name))
  }
  expect(names.reduce((sum, name) => sum + (outputs[name]?.refused ?? 0), 0)).toBe(ledger.refused)
  expect(await second.stop()).toEqual({ code: 0, signal: undefined })

  for (const name of names) {
    const all = points + OLD + LARGE - refusedBy(name)
    if (name === 'stdout') expect([name, printed.size]).toEqual([name, all])
    else if (name === 'statsd') {
      await expect.poll(() => places.get(name)?.stored()).toBeGreaterThanOrEqual(logs + OLD + LARGE)
    } else expect([name, await places.get(name)?.stored()]).toEqual([name, all])
  }
}

/** The figures, once more each time: nothing is ever unaccounted for, and what is settled has been stored by each output. */
async function exact(worker: WorkerProcess, names: readonly OutputName[]) {
  const stats = await worker.stats()
  const { residue, written } = stats.ledger
  expect(residue).toBe(0)
  for (const name of names) expect(written).toBeLessThanOrEqual(stats.outputs[name]?.records ?? 0)
  return { ...stats, written }
}
