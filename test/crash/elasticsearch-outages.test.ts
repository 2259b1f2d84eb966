import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { type OpenSearchServer, startOpenSearch } from '../../dev/opensearch.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { Installation } from '../support/installation.ts'

const mix = loadMix()
let server: OpenSearchServer
let site: Installation

beforeAll(async () => {
  server = await startOpenSearch({ 'indices.id_field_data.enabled': 'true' })
})
afterAll(() => server?.close())
beforeEach(async () => {
  site = await Installation.open()
  await server.ask('DELETE', '/cf-*')
})
afterEach(() => site?.close())

const ONLY = { CFMR_OUTPUT: 'elasticsearch', CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '' }

interface Document {
  readonly '@timestamp': string
  readonly event: { readonly id: string; readonly dataset: string }
}

/** Documents stored, by kind. Throws where one's id is not its event's, or it is in the index of another day. */
async function stored() {
  const counts = { http_request: 0, log: 0, instance: 0 }
  const names = { http: 'http_request', log: 'log', container: 'instance' } as const
  for (const kind of ['http', 'log', 'container'] as const) {
    for (const [id, source] of await server.documents(`cf-${kind}-*`)) {
      const { event } = source as unknown as Document
      if (event.id !== id || event.dataset !== `cloudfoundry.${kind}`) throw new Error(`${id}: ${JSON.stringify(event)}`)
      counts[names[kind]]++
    }
  }
  return counts
}

/** Requests to store documents that the server has taken and not ended. */
async function writesUnderWay(): Promise<number> {
  const { body } = await server.ask('GET', '/_tasks?actions=indices:data/write/*')
  const { nodes } = body as { readonly nodes: Readonly<Record<string, { readonly tasks: object }>> }
  return Object.values(nodes).reduce((sum, { tasks }) => sum + Object.keys(tasks).length, 0)
}

it('kill -9 between send and answer, again and again: each event is one document, and none is missing', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 1000 })
  const env = {
    ...ONLY,
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_ELASTICSEARCH_URL: server.url,
    CFMR_BATCHER_FLUSHMESSAGES: 500,
    CFMR_BATCHER_FLUSHINTERVAL: '100ms',
  }
  for (let kills = 0; kills < 4; kills++) {
    const worker = await site.start(env)
    await worker.waitUntil(
      'a request is under way',
      async () => ((await worker.stats().catch(() => undefined))?.outputs['elasticsearch']?.records ?? 0) > 300,
    )
    await worker.kill()
  }
  await load.stop()
  const last = await site.start(env)
  await site.committed(last, topic)
  const { ledger, outputs } = await last.stats()
  const { discarded: _, ...points } = load.sent
  expect(await stored()).toEqual(points)
  expect(ledger).toMatchObject({ in_flight: 0, residue: 0, refused: 0 })
  // What had been stored before a kill and was not committed is known again.
  expect(outputs['elasticsearch']?.records).toBe(ledger.written)
  expect(await last.stop()).toEqual({ code: 0, signal: undefined })
})

it('kill -9 after a request was taken and before its answer came: what is sent again is known', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const proxy = await FaultProxy.start({ targetPort: Number(new URL(server.url).port) })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 1000 })
  const env = {
    ...ONLY,
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_ELASTICSEARCH_URL: `http://127.0.0.1:${proxy.port}`,
  }
  const first = await site.start(env)
  await first.ready()
  proxy.swallowAnswers()
  const storedCount = async () => Object.values(await stored()).reduce((sum, count) => sum + count, 0)
  await first.waitUntil(
    'documents are stored that the worker has heard nothing of',
    async () => (await storedCount()) > (await first.stats()).ledger.written + 10,
    { everyMs: 200 },
  )
  await first.kill()
  await waitUntil('what the server had taken is stored', async () => (await writesUnderWay()) === 0)
  const before = await storedCount()
  await load.stop()
  await proxy.heal()
  const second = await site.start(env)
  await site.committed(second, topic)
  const { discarded: _, ...points } = load.sent
  expect(await stored()).toEqual(points)
  const { ledger, outputs } = await second.stats()
  // Each that was stored and not committed came again, and no other.
  expect(outputs['elasticsearch']?.repeated).toBeGreaterThan(10)
  expect(outputs['elasticsearch']?.repeated).toBeLessThanOrEqual(before)
  expect(outputs['elasticsearch']).toMatchObject({ records: ledger.written, refused: 0 })
  expect(ledger).toMatchObject({ in_flight: 0, residue: 0, refused: 0 })
  expect(await second.stop()).toEqual({ code: 0, signal: undefined })
  await proxy.close()
})

it('without an index template that fits, where one is only looked for, the worker ends with status 1 and reads nothing', async () => {
  const topic = await site.kafka.topic({ partitions: 1 })
  const worker = await site.start({
    ...ONLY,
    CFMR_KAFKA_TOPICS: topic,
    CFMR_ELASTICSEARCH_URL: server.url,
    CFMR_ELASTICSEARCH_INDEX: 'unknown-{kind}',
    CFMR_ELASTICSEARCH_TEMPLATE: 'check',
    CFMR_ELASTICSEARCH_STARTTIMEOUT: '1s',
  })
  expect(await worker.exited).toEqual({ code: 1, signal: undefined })
  expect(worker.log.filter(({ level }) => level === 'ERROR' || level === 'FATAL')).toMatchObject([
    { error: expect.stringMatching(/no index template fits unknown-http.*CFMR_ELASTICSEARCH_TEMPLATE=install/) },
  ])
  expect((await server.ask('GET', '/unknown-*')).body).toEqual({})
})

it('beside InfluxDB: killed, cut and refusing in turn, nothing is lost at either, and both say what they hold', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const proxy = await FaultProxy.start({ targetPort: Number(new URL(server.url).port) })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 1500 })
  const worker = await site.start({
    CFMR_OUTPUT: 'influxdb,elasticsearch',
    CFMR_KAFKA_TOPICS: topic,
    CFMR_ELASTICSEARCH_URL: `http://127.0.0.1:${proxy.port}`,
    CFMR_ELASTICSEARCH_TIMEOUT: '5s',
    CFMR_BATCHER_FLUSHRETRIES: -1,
  })
  await worker.ready()
  const figures = async () => (await worker.stats()).outputs['elasticsearch']
  await worker.waitUntil('documents are stored', async () => ((await figures())?.records ?? 0) > 1000)

  await server.kill()
  await worker.waitUntil('it says so', async () => (await worker.get('/readyz')).body.includes('Elasticsearch at'))
  await server.restart()
  await worker.waitUntil('it is ready again', async () => (await worker.get('/readyz')).status === 200)

  const day = '2023.11.14'
  await server.ask('PUT', `/cf-log-${day}/_settings`, { 'index.blocks.write': true })
  await worker.waitUntil('log documents are held', async () => ((await figures())?.held ?? 0) > 100)
  const before = (await server.documents('cf-http-*')).size
  await worker.waitUntil('others go on', async () => (await server.documents('cf-http-*')).size > before + 100, { everyMs: 500 })
  const ready = await worker.get('/readyz')
  expect(ready.status).toBe(503)
  expect(ready.body).toMatch(/elasticsearch: \d+ records are held back/)
  expect((await worker.stats()).ledger.residue).toBe(0)
  await server.ask('PUT', `/cf-log-${day}/_settings`, { 'index.blocks.write': null })
  await load.stop()
  await worker.waitUntil('all is committed', async () => (await site.kafka.lag(site.group, topic)) === 0)

  const { discarded: _, ...points } = load.sent
  expect(await stored()).toEqual(points)
  expect(await site.stored()).toEqual(points)
  expect(await figures()).toMatchObject({ records: load.pointCount, held: 0, in_flight: 0, refused: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  await proxy.close()
})
