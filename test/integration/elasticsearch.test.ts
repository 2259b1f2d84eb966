import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenSearchServer, startOpenSearch } from '../../dev/opensearch.ts'
import { GaveUp } from '../../src/lib/errors.ts'
import { Elasticsearch, type ElasticsearchOptions } from '../../src/outputs/elasticsearch/elasticsearch.ts'
import { recordsOf } from '../fakes/lines.ts'
import { quietLog } from '../support/quiet-log.ts'

const never = new AbortController().signal
const backoff = { initialMs: 50, maxMs: 200, jitter: 0 }

let server: OpenSearchServer

beforeAll(async () => {
  // A write queue of one makes it say 429, and a small limit 413.
  server = await startOpenSearch({
    'thread_pool.write.size': 1,
    'thread_pool.write.queue_size': 1,
    'http.max_content_length': '1mb',
    'indices.id_field_data.enabled': 'true',
  })
})

afterAll(() => server?.close())

function output(options: Partial<ElasticsearchOptions> = {}) {
  const { log, lines } = quietLog()
  const elasticsearch = new Elasticsearch({
    urls: [server.url],
    username: undefined,
    password: undefined,
    apiKey: undefined,
    index: 'cf-{kind}-{yyyy.MM.dd}',
    isDataStream: false,
    template: 'none',
    gzip: false,
    timeoutMs: 20_000,
    startTimeoutMs: 500,
    ca: undefined,
    cert: undefined,
    key: undefined,
    skipSslValidation: false,
    flushRetries: 3,
    documentMaxBytes: 262_144,
    backoff,
    log,
    ...options,
  })
  return { elasticsearch, lines }
}

/** As the encoder writes it. */
function item(index: string, id: string, document: object): string {
  return `${JSON.stringify({ create: { _index: index, _id: id } })}\n${JSON.stringify(document)}\n`
}

describe('each document is judged by itself', () => {
  it('stored; there already; refused for its fields: all in one request', async () => {
    await server.ask('PUT', '/judged', { mappings: { dynamic: 'strict', properties: { n: { type: 'long' } } } })
    const { elasticsearch } = output()
    const texts = [
      item('judged', '1', { n: 1 }),
      item('judged', '2', { n: 'no number' }),
      item('judged', '3', { other: 1 }),
      item('judged', '1', { n: 1 }),
      item('judged', '4', { n: 4 }),
    ]
    const unstored = await elasticsearch.write(recordsOf(texts), never, 0)
    expect(unstored).toMatchObject([
      { record: 1, reason: expect.stringMatching(/mapper_parsing_exception: failed to parse field \[n\]/) },
      { record: 2, reason: expect.stringContaining('strict_dynamic_mapping_exception') },
    ])
    expect(unstored.every(({ isHeld }) => isHeld !== true)).toBe(true)
    expect(elasticsearch).toMatchObject({ records: 3, repeated: 1, batches: 1, failures: 0 })
    expect([...(await server.documents('judged')).keys()]).toEqual(['1', '4'])
    expect(elasticsearch.notReady()).toEqual([])
    await elasticsearch.close()
  })

  it.each([
    ['a read-only index', { 'index.blocks.write': true }, 'cluster_block_exception'],
    ['an index on a full disk', { 'index.blocks.read_only_allow_delete': true }, 'cluster_block_exception'],
  ])('%s holds its own documents, with an ERROR that names it, and lets them in once it is mended', async (_, settings, type) => {
    await server.ask('PUT', '/blocked')
    await server.ask('PUT', '/blocked/_settings', settings)
    const { elasticsearch, lines } = output()
    const records = recordsOf([item('blocked', 'b1', { n: 1 }), item('open', 'o1', { n: 1 }), item('blocked', 'b2', { n: 2 })])
    const held = await elasticsearch.write(records, never, 0)
    expect(held.map(({ record, isHeld }) => [record, isHeld])).toEqual([
      [0, true],
      [2, true],
    ])
    expect(elasticsearch.lastError).toContain(type)
    expect(lines.filter(({ level }) => level === 'ERROR')).toMatchObject([
      { index: expect.stringContaining('blocked'), error: expect.stringContaining(type) },
    ])
    expect((await server.documents('open')).size).toBe(1)
    await server.ask('PUT', '/blocked/_settings', Object.fromEntries(Object.keys(settings).map((name) => [name, null])))
    expect(await elasticsearch.write(records, never, 1)).toEqual([])
    expect((await server.documents('blocked')).size).toBe(2)
    await server.ask('DELETE', '/blocked')
    await server.ask('DELETE', '/open')
    await elasticsearch.close()
  })

  it('a closed index, and one that may not be created, hold their own documents', async () => {
    await server.ask('PUT', '/closed')
    await server.ask('POST', '/closed/_close')
    await server.ask('PUT', '/_cluster/settings', { transient: { 'action.auto_create_index': '-missing*,*' } })
    const { elasticsearch } = output()
    const held = await elasticsearch.write(
      recordsOf([item('closed', '1', {}), item('missing-1', '1', {}), item('fine', '1', {})]),
      never,
      0,
    )
    expect(held).toMatchObject([
      { record: 0, isHeld: true, reason: expect.stringContaining('index_closed_exception') },
      { record: 1, isHeld: true, reason: expect.stringContaining('index_not_found_exception') },
    ])
    await elasticsearch.close()
  })

  it('a full queue holds documents for a moment, then gives up where it never passes', async () => {
    const { elasticsearch, lines } = output({ flushRetries: 1 })
    const flood = Array.from({ length: 40 }, (_, batch) =>
      server.ask(
        'POST',
        '/_bulk',
        Array.from({ length: 300 }, (_, n) => item(`flood-${n % 5}`, `${batch}-${n}`, { text: 'x'.repeat(500) })).join(''),
      ),
    )
    let passing: readonly { readonly isHeld?: boolean; readonly reason: string }[] = []
    for (let i = 0; i < 200 && passing.length === 0; i++) {
      const texts = Array.from({ length: 5 }, (_, n) => item(`queue-${n}`, `q${i}`, { n }))
      passing = await elasticsearch.write(recordsOf(texts), never, 0)
    }
    await Promise.all(flood)
    expect(passing[0]).toMatchObject({ isHeld: true, reason: expect.stringMatching(/HTTP 429: .*rejected/) })
    expect(lines.some(({ level, msg }) => level === 'WARN' && String(msg).includes('did not take all documents'))).toBe(true)
    await elasticsearch.close()
  })
})

it('a request that is too large is halved, and a document that is too large alone is refused', async () => {
  const { elasticsearch } = output()
  const texts = [
    ...Array.from({ length: 6 }, (_, n) => item('large', `l${n}`, { text: 'x'.repeat(300_000) })),
    item('large', 'huge', { text: 'x'.repeat(1_200_000) }),
  ]
  const unstored = await elasticsearch.write(recordsOf(texts), never, 0)
  expect(unstored).toMatchObject([{ record: 6, reason: expect.stringContaining('HTTP 413') }])
  expect((await server.documents('large')).size).toBe(6)
  await elasticsearch.close()
})

describe('the index template', () => {
  it('is put in place at the start, and gives fields their types', async () => {
    const { elasticsearch } = output({ template: 'install', index: 'tpl-{kind}-{yyyy.MM.dd}' })
    await elasticsearch.start(never)
    const document = {
      '@timestamp': '2026-01-01T00:00:00.123456789Z',
      message: 'x',
      event: { duration: 5 },
      cloudfoundry: { app: { name: 'a' } },
    }
    expect(await elasticsearch.write(recordsOf([item('tpl-log-2026.01.01', '1', document)]), never, 0)).toEqual([])
    const { body } = await server.ask('GET', '/tpl-log-2026.01.01/_mapping')
    expect(body).toMatchObject({
      'tpl-log-2026.01.01': { mappings: { properties: { '@timestamp': { type: 'date_nanos' }, message: { type: 'text' } } } },
    })
    await server.ask('POST', '/tpl-log-2026.01.01/_refresh')
    const stored = await server.ask('POST', '/tpl-log-2026.01.01/_search', {
      sort: [{ '@timestamp': 'asc' }],
      docvalue_fields: ['@timestamp'],
    })
    expect(JSON.stringify(stored.body)).toContain('2026-01-01T00:00:00.123456789Z')
    await elasticsearch.close()
  })

  it('of a data stream lets documents in with ids of their own', async () => {
    const { elasticsearch } = output({ template: 'install', index: 'stream-{kind}', isDataStream: true })
    await elasticsearch.start(never)
    const one = item('stream-log', 's1', { '@timestamp': '2026-01-01T00:00:00.000000001Z', message: 'x' })
    expect(await elasticsearch.write(recordsOf([one, one]), never, 0)).toEqual([])
    expect(elasticsearch).toMatchObject({ records: 2, repeated: 1 })
    expect((await server.documents('stream-log')).size).toBe(1)
    await elasticsearch.close()
  })

  it('that is only looked for and missing ends the start with words', async () => {
    const { elasticsearch } = output({ template: 'check', index: 'nothing-{kind}' })
    await expect(elasticsearch.start(never)).rejects.toThrow(/no index template fits nothing-http.*CFMR_ELASTICSEARCH_TEMPLATE=install/)
    await elasticsearch.close()
  })
})

it('nodes that are away are passed over', async () => {
  const { elasticsearch } = output({ urls: ['http://127.0.0.1:9', server.url], flushRetries: 3 })
  expect(await elasticsearch.write(recordsOf([item('over', '1', {})]), never, 0)).toEqual([])
  expect(elasticsearch).toMatchObject({ retries: 1, records: 1 })
  await elasticsearch.close()
})

it('a server that is away is tried as often as was asked for', async () => {
  const { elasticsearch } = output({ urls: ['http://127.0.0.1:9'], flushRetries: 1 })
  await expect(elasticsearch.write(recordsOf([item('x', '1', {})]), never, 0)).rejects.toThrow(GaveUp)
  await elasticsearch.close()
})
