import { afterEach, beforeEach, expect, it } from 'vitest'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { documentOf } from '../support/document-of.ts'
import { Installation } from '../support/installation.ts'

interface Document {
  readonly event: { readonly id: string; readonly dataset: string }
}

const mix = loadMix()
let site: Installation

beforeEach(async () => {
  site = await Installation.open()
})
afterEach(() => site?.close())

const BOTH = { CFMR_OUTPUT: 'influxdb,stdout', CFMR_STDOUT_FORMAT: 'json' }

/** Documents as they come, by their ids. */
function documents() {
  const byId = new Map<string, Document>()
  let count = 0
  const onOutput = (line: string) => {
    const document = documentOf<Document>(line)
    if (document === undefined) return
    byId.set(document.event.id, document)
    count++
  }
  const kinds = () => {
    const datasets = [...byId.values()].map(({ event }) => event.dataset.replace('cloudfoundry.', ''))
    const of = (dataset: string) => datasets.filter((each) => each === dataset).length
    return { http_request: of('http'), log: of('log'), instance: of('container') }
  }
  return { byId, onOutput, kinds, count: () => count }
}

it('two outputs get every event, each in its own words, and a message is settled after the last of them', async () => {
  const topic = await site.kafka.topic({ partitions: 4 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 4 }], mix, perSecond: 4000 })
  const seen = documents()
  const worker = await site.start({ ...BOTH, CFMR_KAFKA_TOPICS: topic }, { onOutput: seen.onOutput })
  await worker.waitUntil('much is written', async () => (await worker.stats().catch(() => undefined))?.ledger.written ?? 0 > 8000)
  await load.stop()
  await site.committed(worker, topic)
  const { discarded, ...points } = load.sent
  const { ledger, outputs, inputs } = await worker.stats()
  expect(ledger).toMatchObject({ consumed: load.sentCount, written: load.pointCount, discarded, in_flight: 0, residue: 0 })
  expect(outputs['influxdb']).toMatchObject({ ack: 'stored', records: load.pointCount, refused: 0, held: 0, in_flight: 0 })
  expect(outputs['stdout']).toMatchObject({ ack: 'handed over', records: load.pointCount, refused: 0, held: 0, in_flight: 0 })
  expect(inputs['kafka']).toMatchObject({ acknowledged: true, messages: load.sentCount, dropped: 0 })
  expect(await site.stored()).toEqual(points)
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  expect(seen.kinds()).toEqual(points)
  expect(seen.count()).toBe(load.pointCount)
})

it('kill -9 between two outputs: nothing is lost at either, and an event that comes again has the id that it had', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 4000 })
  const seen = documents()
  const env = { ...BOTH, CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_SESSIONTIMEOUT: '6s', CFMR_BATCHER_FLUSHINTERVAL: '100ms' }
  const first = await site.start(env, { onOutput: seen.onOutput })
  await first.waitUntil('documents come', () => seen.count() > 4000)
  await first.kill()
  const before = seen.count()
  const second = await site.start(env, { onOutput: seen.onOutput })
  await second.waitUntil('more documents come', () => seen.count() > before)
  await load.stop()
  await site.committed(second, topic)
  await second.stop()
  const { discarded: _, ...points } = load.sent
  expect(await site.stored()).toEqual(points)
  expect(seen.kinds()).toEqual(points)
  expect(seen.count()).toBeGreaterThanOrEqual(load.pointCount)
})

it('an output that is slow holds the others only by the common limit, and loses nothing', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 4000 })
  const seen = documents()
  const worker = await site.start({ ...BOTH, CFMR_KAFKA_TOPICS: topic, CFMR_MAXINFLIGHT: 3000 }, { onOutput: seen.onOutput })
  await worker.waitUntil('documents come', () => seen.count() > 1000)
  worker.stallOutput()
  await worker.waitUntil('it holds what may be in flight', async () => ((await worker.stats()).outputs['stdout']?.in_flight ?? 0) > 2000)
  expect((await worker.stats()).ledger.residue).toBe(0)
  await worker.waitUntil('InfluxDB has all that was read', async () => (await worker.stats()).outputs['influxdb']?.in_flight === 0)
  expect((await worker.get('/healthz')).status).toBe(200)
  worker.resumeOutput()
  await load.stop()
  await site.committed(worker, topic)
  const { discarded: _, ...points } = load.sent
  expect(await site.stored()).toEqual(points)
  await worker.stop()
  expect(seen.kinds()).toEqual(points)
  expect(seen.count()).toBe(load.pointCount)
})

it('a dead letter that is read back has the id that its event had; what is no id is not believed', async () => {
  const topic = await site.kafka.topic()
  const seen = documents()
  const id = 'QUJDREVGR0hJSktMTU5PUA'
  const producer = site.kafka.client.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const value = mix.envelope(numberOf('log'))
  const ids = [undefined, id, '"},"message":"forged', id.slice(1)]
  const messages = ids.map((header) => ({ value, ...(header !== undefined && { headers: { other: 'x', 'cfmr-event-id': header } }) }))
  await producer.send({ topic, messages, acks: -1 })
  await producer.disconnect()
  const worker = await site.start({ ...BOTH, CFMR_KAFKA_TOPICS: topic }, { onOutput: seen.onOutput })
  await site.committed(worker, topic)
  await worker.stop()
  expect([...seen.byId.keys()]).toHaveLength(4)
  expect(seen.byId.has(id)).toBe(true)
  for (const each of seen.byId.keys()) expect(each).toMatch(/^[\w-]{22}$/)
})

/** Of the first envelope of that kind. */
function numberOf(kind: string): number {
  let number = 0
  while (mix.kind(number) !== kind) number++
  return number
}
