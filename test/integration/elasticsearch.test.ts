import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenSearchServer, startOpenSearch } from '../../dev/opensearch.ts'
import { App } from '../../src/cloud-foundry/app.ts'
import { checkElasticsearch } from '../../src/outputs/elasticsearch/check.ts'
import type { ElasticsearchOptions } from '../../src/outputs/elasticsearch/elasticsearch.ts'
import { indexNames } from '../../src/outputs/elasticsearch/index-name.ts'
import { recordsOf } from '../fakes/lines.ts'
import { bulkItem, elasticsearchOutput } from '../support/elasticsearch-output.ts'

const never = new AbortController().signal

let server: OpenSearchServer

beforeAll(async () => {
  server = await startOpenSearch({
    'http.max_content_length': '1mb',
    'indices.id_field_data.enabled': 'true',
  })
})

afterAll(() => server?.close())

const output = (options: Partial<ElasticsearchOptions> = {}) => elasticsearchOutput([server.url], options)

describe('each document is judged by itself', () => {
  it('stored; there already; refused for its fields: all in one request', async () => {
    await server.ask('PUT', '/judged', { mappings: { dynamic: 'strict', properties: { n: { type: 'long' } } } })
    const { elasticsearch } = output()
    const texts = [
      bulkItem('judged', '1', { n: 1 }),
      bulkItem('judged', '2', { n: 'no number' }),
      bulkItem('judged', '3', { other: 1 }),
      bulkItem('judged', '1', { n: 1 }),
      bulkItem('judged', '4', { n: 4 }),
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
    const records = recordsOf([bulkItem('blocked', 'b1', { n: 1 }), bulkItem('open', 'o1', { n: 1 }), bulkItem('blocked', 'b2', { n: 2 })])
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
      recordsOf([bulkItem('closed', '1', {}), bulkItem('missing-1', '1', {}), bulkItem('fine', '1', {})]),
      never,
      0,
    )
    expect(held).toMatchObject([
      { record: 0, isHeld: true, reason: expect.stringContaining('index_closed_exception') },
      { record: 1, isHeld: true, reason: expect.stringContaining('index_not_found_exception') },
    ])
    await elasticsearch.close()
  })
})

it('a request that is too large is halved, and a document that is too large alone is refused', async () => {
  const { elasticsearch } = output()
  const texts = [
    ...Array.from({ length: 6 }, (_, n) => bulkItem('large', `l${n}`, { text: 'x'.repeat(300_000) })),
    bulkItem('large', 'huge', { text: 'x'.repeat(1_200_000) }),
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
    expect(await elasticsearch.write(recordsOf([bulkItem('tpl-log-2026.01.01', '1', document)]), never, 0)).toEqual([])
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
    const one = bulkItem('stream-log', 's1', { '@timestamp': '2026-01-01T00:00:00.000000001Z', message: 'x' })
    expect(await elasticsearch.write(recordsOf([one, one]), never, 0)).toEqual([])
    expect(elasticsearch).toMatchObject({ records: 2, repeated: 1 })
    expect((await server.documents('stream-log')).size).toBe(1)
    await elasticsearch.close()
  })

  it('of one worker leaves that of another alone, which writes to other indices', async () => {
    for (const index of ['one-{kind}', 'other-{kind}']) {
      const { elasticsearch } = output({ template: 'install', index })
      await elasticsearch.start(never)
      await elasticsearch.close()
    }
    const document = { '@timestamp': '2026-01-01T00:00:00.123456789Z' }
    const { elasticsearch } = output()
    await elasticsearch.write(recordsOf([bulkItem('one-log', '1', document), bulkItem('other-log', '1', document)]), never, 0)
    for (const index of ['one-log', 'other-log']) {
      const { body } = await server.ask('GET', `/${index}/_mapping`)
      expect(body).toMatchObject({ [index]: { mappings: { properties: { '@timestamp': { type: 'date_nanos' } } } } })
    }
    await elasticsearch.close()
  })

  it('takes the first and the last moment that it has a type for', async () => {
    const { elasticsearch } = output({ template: 'install', index: 'span-{kind}' })
    await elasticsearch.start(never)
    const times = ['1970-01-01T00:00:00.000000000Z', '2262-04-11T23:47:16.854775807Z']
    const texts = times.map((time) => bulkItem('span-log', time.slice(0, 4), { '@timestamp': time }))
    expect(await elasticsearch.write(recordsOf(texts), never, 0)).toEqual([])
    await elasticsearch.close()
  })

  const time = { mappings: { properties: { '@timestamp': { type: 'date_nanos' } } } }

  it.each([
    ['none', undefined, false, /no index template fits looked-http\. .*CFMR_ELASTICSEARCH_TEMPLATE=install/],
    ['one without a type for the time', {}, false, /the index template looked, .*has no type for @timestamp/],
    ['one of a plain index for data streams', { template: time }, true, /makes a plain index of looked-http, .*DATASTREAM is true/],
    ['one of a data stream for plain indices', { data_stream: {}, template: time }, false, /makes a data stream of looked-http/],
    ['one that fits', { template: time }, false, undefined],
    ['one of a data stream that fits', { data_stream: {}, template: time }, true, undefined],
  ])('is looked for: %s', async (_, template, isDataStream, problem) => {
    if (template !== undefined)
      await server.ask('PUT', '/_index_template/looked', { index_patterns: ['looked-*'], priority: 1, ...template })
    const { elasticsearch, settings } = output({ template: 'check', index: 'looked-{kind}', isDataStream })
    const found = []
    for await (const finding of checkElasticsearch(settings, never)) found.push(finding)
    if (problem === undefined) await elasticsearch.start(never)
    else await expect(elasticsearch.start(never)).rejects.toThrow(problem)
    expect(found).toMatchObject([
      { check: 'node', outcome: 'ok', message: expect.stringContaining('opensearch 2.19.6') },
      { check: 'template', outcome: problem === undefined ? 'ok' : 'failed' },
    ])
    await server.ask('DELETE', '/_index_template/looked')
    await elasticsearch.close()
  })
})

it('an index named after an organization may be made, whatever that is called', async () => {
  const { elasticsearch } = output()
  const names = indexNames('{org}-{kind}')
  const orgs = ['Shop', '_private', '-x', '+1', '..', 'ümlaut & co', 'a/b\\c*?"<>| ,#:', 'x'.repeat(300), '']
  const texts = orgs.map((org, n) => {
    const metadata = { app: 'a', app_guid: 'ag', space: 's', space_guid: 'sg', org, org_guid: `0000000${n}-0000-4000-8000-000000000000` }
    return bulkItem(names.of('log', 0, App.of('ag', metadata, 0, { documents: true })), String(n), {})
  })
  expect(await elasticsearch.write(recordsOf(texts), never, 0)).toEqual([])
  await elasticsearch.close()
})
