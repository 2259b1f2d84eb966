import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpenSearchServer, startOpenSearch } from '../../dev/opensearch.ts'
import { recordsOf } from '../fakes/lines.ts'
import { bulkItem, elasticsearchOutput } from '../support/elasticsearch-output.ts'

const never = new AbortController().signal
let server: OpenSearchServer

beforeAll(async () => {
  server = await startOpenSearch({
    'thread_pool.write.size': 1,
    'thread_pool.write.queue_size': 1,
    'indices.id_field_data.enabled': 'true',
  })
})
afterAll(() => server?.close())

it('documents that find the queue full are sent again alone, until each is there once', async () => {
  const { elasticsearch, lines } = elasticsearchOutput([server.url], { flushRetries: -1 })
  // Each request has a document for each of eight indices: eight tasks for a queue of one.
  const texts = Array.from({ length: 8 }, (_, n) => bulkItem(`queue-${n}`, `q${n}`, { n }))
  let left = recordsOf(texts)
  let held = await elasticsearch.write(left, never, 0)
  expect(held.length).toBeGreaterThan(0)
  expect(held[0]).toMatchObject({ isHeld: true, reason: expect.stringMatching(/HTTP 429: .*rejected/) })
  expect(lines).toMatchObject([{ level: 'WARN', msg: expect.stringContaining('did not take all documents') }])
  let waiting = texts
  for (let round = 1; held.length > 0; round++) {
    waiting = held.map(({ record }) => waiting[record] as string)
    left = recordsOf(waiting)
    held = await elasticsearch.write(left, never, round)
  }
  expect([...(await server.documents('queue-*')).keys()].sort()).toEqual(texts.map((_, n) => `q${n}`))
  expect(elasticsearch).toMatchObject({ records: 8, repeated: 0 })
  await elasticsearch.close()
})
