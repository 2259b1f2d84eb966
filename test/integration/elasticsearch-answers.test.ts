import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { freePorts } from '../../dev/free-port.ts'
import { GaveUp } from '../../src/lib/errors.ts'
import { checkElasticsearch } from '../../src/outputs/elasticsearch/check.ts'
import type { Elasticsearch, ElasticsearchOptions } from '../../src/outputs/elasticsearch/elasticsearch.ts'
import { type FakeElasticsearch, startFakeElasticsearch } from '../fakes/elasticsearch.ts'
import type { FakeAnswer } from '../fakes/influxdb.ts'
import { recordsOf } from '../fakes/lines.ts'
import { bulkItem, elasticsearchOutput } from '../support/elasticsearch-output.ts'

const never = new AbortController().signal
const quick = { initialMs: 1, maxMs: 2, jitter: 0 }
const LOGIN = /look at CFMR_ELASTICSEARCH_USERNAME and CFMR_ELASTICSEARCH_PASSWORD, or CFMR_ELASTICSEARCH_APIKEY/

let fake: FakeElasticsearch
let opened: Elasticsearch[]

beforeEach(async () => {
  fake = await startFakeElasticsearch()
  opened = []
})
afterEach(async () => {
  for (const elasticsearch of opened) await elasticsearch.close()
  await fake.close()
})

function output(options: Partial<ElasticsearchOptions> = {}, urls: readonly string[] = [fake.url]) {
  const made = elasticsearchOutput(urls, { backoff: quick, ...options })
  opened.push(made.elasticsearch)
  return made
}

const batch = (...ids: string[]) => recordsOf(ids.map((id) => bulkItem('i', id, {})))
const many = (count: number) => batch(...Array.from({ length: count }, (_, n) => `d${n}`))

const invalid: FakeAnswer = { status: 400, body: { error: { type: 'action_request_validation_exception', reason: 'no' }, status: 400 } }

describe('an answer that says nothing of the documents is followed by another try', () => {
  test.each<[string, FakeAnswer, 'WARN' | 'ERROR', RegExp]>([
    ['429', { status: 429, body: 'busy' }, 'WARN', /kept and tried again/],
    ['500', { status: 500, body: 'oops' }, 'WARN', /kept and tried again/],
    ['503', { status: 503, body: { error: { type: 'master_not_discovered_exception' } } }, 'WARN', /kept and tried again/],
    ['401', { status: 401, body: { error: { type: 'security_exception' } } }, 'ERROR', LOGIN],
    ['403', { status: 403, body: { error: { type: 'security_exception' } } }, 'ERROR', LOGIN],
    ['404', { status: 404, body: 'not here' }, 'ERROR', /look at CFMR_ELASTICSEARCH_URL/],
    ['400 of something before it', { status: 400, body: '<html>Bad Request</html>' }, 'ERROR', /look at CFMR_ELASTICSEARCH_URL/],
    ['a redirect', { status: 302, headers: { location: '/login' } }, 'ERROR', /look at CFMR_ELASTICSEARCH_URL/],
    ['a login page with 200', { status: 200, body: '<html>login</html>' }, 'ERROR', /look at CFMR_ELASTICSEARCH_URL/],
    ['items of another request', { status: 200, body: { items: [{ create: { status: 201 } }] } }, 'ERROR', /CFMR_ELASTICSEARCH_URL/],
    ['a reset', 'reset', 'WARN', /kept and tried again/],
    ['an answer that is cut', 'cut', 'WARN', /kept and tried again/],
  ])('%s', async (_, answer, level, words) => {
    fake.onBulk = (_, number) => (number === 1 ? answer : undefined)
    const { elasticsearch, lines } = output()
    expect(await elasticsearch.write(batch('a', 'b'), never, 0)).toEqual([])
    expect([...fake.stored]).toEqual(['a', 'b'])
    expect(elasticsearch).toMatchObject({ records: 2, repeated: 0, retries: 1, failures: 1 })
    expect(lines).toMatchObject([{ level, msg: expect.stringMatching(words) }, { level: 'INFO' }])
    expect(elasticsearch.notReady()).toEqual([])
  })

  test.each<[string, FakeAnswer]>([
    ['never comes', 'hang'],
    ['never ends', 'drip'],
  ])('one that %s', async (_, answer) => {
    fake.onBulk = (_, number) => (number === 1 ? answer : undefined)
    const { elasticsearch } = output({ timeoutMs: 300 })
    expect(await elasticsearch.write(batch('a'), never, 0)).toEqual([])
    expect(elasticsearch).toMatchObject({ records: 1, retries: 1, lastError: expect.stringContaining('no answer within 0.3 s') })
  })

  it('until all tries are used up', async () => {
    fake.onBulk = () => ({ status: 503, body: 'starting' })
    const { elasticsearch } = output({ flushRetries: 2 })
    await expect(elasticsearch.write(batch('a'), never, 0)).rejects.toThrow(/tried 3 times: HTTP 503: starting/)
    expect(fake.bulks).toHaveLength(3)
  })

  it('and what was stored though its answer got lost counts as repeated', async () => {
    for (const id of ['a', 'b']) (fake.stored as Set<string>).add(id)
    const { elasticsearch } = output()
    expect(await elasticsearch.write(batch('a', 'b', 'c'), never, 0)).toEqual([])
    expect(elasticsearch).toMatchObject({ records: 3, repeated: 2 })
  })
})

describe('a request that the server calls invalid as a whole', () => {
  it('is halved down to the document at fault, and all others are stored', async () => {
    fake.onBulk = ({ ids }) => (ids.includes('d13') ? invalid : undefined)
    const { elasticsearch } = output()
    expect(await elasticsearch.write(many(40), never, 0)).toEqual([
      { record: 13, reason: expect.stringMatching(/^HTTP 400: .*action_request_validation_exception/) },
    ])
    expect(fake.stored.size).toBe(39)
    expect(elasticsearch).toMatchObject({ records: 39, failures: 0 })
  })

  it('refuses no document where it calls every request so', async () => {
    fake.onBulk = () => invalid
    const { elasticsearch } = output({ flushRetries: 1 })
    await expect(elasticsearch.write(many(1000), never, 0)).rejects.toThrow(/refuses every request.*CFMR_ELASTICSEARCH_URL/)
    expect(fake.bulks.length).toBeLessThan(60)
    await expect(elasticsearch.write(batch('alone'), never, 0)).rejects.toThrow(GaveUp)
  })

  it('is sent again whole once it is taken', async () => {
    fake.onBulk = (_, number) => (number <= 20 ? invalid : undefined)
    const { elasticsearch } = output()
    expect(await elasticsearch.write(many(1000), never, 0)).toEqual([])
    expect(fake.stored.size).toBe(1000)
  })
})

describe('documents that a full queue does not take', () => {
  const full = { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'queue is full' } }
  const closed = { status: 400, error: { type: 'index_closed_exception', reason: 'closed' } }

  it('are held, and given up after as many further rounds as were asked for', async () => {
    fake.onItem = () => full
    const { elasticsearch } = output({ flushRetries: 2 })
    for (const round of [0, 1]) expect(await elasticsearch.write(batch('a'), never, round)).toMatchObject([{ record: 0, isHeld: true }])
    await expect(elasticsearch.write(batch('a'), never, 2)).rejects.toThrow(
      /did not take documents, tried 3 times: HTTP 429: .*queue is full/,
    )
  })

  it('are not given up while some pass in each round', async () => {
    const { elasticsearch } = output({ flushRetries: 1 })
    for (let round = 1; round <= 5; round++) {
      fake.onItem = (id) => (id === `d${round}` ? undefined : full)
      expect(await elasticsearch.write(many(8), never, round)).toHaveLength(7)
    }
  })

  it('are not given up for the rounds that others have waited for somebody to open an index', async () => {
    fake.onItem = () => closed
    const { elasticsearch } = output({ flushRetries: 2 })
    for (let round = 0; round <= 20; round++) expect(await elasticsearch.write(batch('a', 'b'), never, round)).toHaveLength(2)
    fake.onItem = (id) => (id === 'a' ? closed : full)
    expect(await elasticsearch.write(batch('a', 'b'), never, 21)).toHaveLength(2)
    await expect(elasticsearch.write(batch('a', 'b'), never, 22)).rejects.toThrow(GaveUp)
  })

  it('wait without end where that was asked for', async () => {
    fake.onItem = () => full
    const { elasticsearch } = output({ flushRetries: -1 })
    for (let round = 0; round < 30; round++) expect(await elasticsearch.write(batch('a'), never, round)).toHaveLength(1)
  })
})

describe('several nodes', () => {
  it('are asked one after the other in the same try where one cannot be reached, with a WARN for it', async () => {
    const [away = 0] = await freePorts(1)
    const { elasticsearch, lines } = output({ flushRetries: 0, startTimeoutMs: 0 }, [`http://127.0.0.1:${away}`, fake.url])
    await elasticsearch.start(never)
    expect(await elasticsearch.write(batch('a'), never, 0)).toEqual([])
    expect(lines).toMatchObject([
      { level: 'WARN', url: `http://127.0.0.1:${away}`, msg: expect.stringContaining('the next one is asked at once') },
    ])
    expect(elasticsearch).toMatchObject({ records: 1, retries: 0 })
  })

  it('are not all asked at once for what one does not answer in time', async () => {
    const other = await startFakeElasticsearch()
    fake.onBulk = () => 'hang'
    const { elasticsearch } = output({ timeoutMs: 300 }, [fake.url, other.url])
    expect(await elasticsearch.write(batch('a'), never, 0)).toEqual([])
    expect(elasticsearch).toMatchObject({ retries: 1, records: 1 })
    expect([...other.stored]).toEqual(['a'])
    await other.close()
  })
})

describe('the login', () => {
  test.each<[string, Partial<ElasticsearchOptions>, string]>([
    ['a user', { username: 'u', password: 'p:ä' }, `Basic ${Buffer.from('u:p:ä').toString('base64')}`],
    ['an API key', { apiKey: 'a2V5' }, 'ApiKey a2V5'],
  ])('of %s is in a header', async (_, options, authorization) => {
    const { elasticsearch } = output({ ...options, gzip: true })
    await elasticsearch.write(batch('a'), never, 0)
    expect(fake.bulks[0]?.headers).toMatchObject({ authorization, 'content-encoding': 'gzip', 'content-type': 'application/x-ndjson' })
  })

  it('that is refused at the start is named with its variables, and never shown', async () => {
    fake.onAsk = () => ({ status: 401, body: { error: { type: 'security_exception' } } })
    const { elasticsearch, lines } = output({ username: 'u', password: 'geheim', startTimeoutMs: 0 })
    await expect(elasticsearch.start(never)).rejects.toThrow(LOGIN)
    expect(JSON.stringify(lines)).not.toContain('geheim')
  })
})

describe('check', () => {
  async function findings(options: Partial<ElasticsearchOptions>, urls?: readonly string[]) {
    const { settings } = output(options, urls)
    const all = []
    for await (const { check, outcome, message } of checkElasticsearch(settings, never)) all.push({ check, outcome, message })
    return all
  }

  it('names each node that is away, and asks the others', async () => {
    const [away = 0] = await freePorts(1)
    fake.onAsk = () => ({ status: 200, body: { version: { distribution: 'opensearch', number: '2.19.6' } } })
    expect(await findings({}, [`http://127.0.0.1:${away}`, fake.url])).toMatchObject([
      { check: 'node', outcome: 'failed', message: expect.stringContaining(`127.0.0.1:${away} does not answer`) },
      { check: 'node', outcome: 'ok', message: expect.stringContaining('opensearch 2.19.6') },
      { check: 'template', outcome: 'ok' },
    ])
    expect(fake.bulks).toEqual([])
  })

  it('names the variables of a login that is refused', async () => {
    fake.onAsk = () => ({ status: 401, body: 'who?' })
    expect(await findings({})).toMatchObject([
      { check: 'login', outcome: 'failed', message: expect.stringMatching(/CFMR_ELASTICSEARCH_APIKEY/) },
    ])
  })
})
