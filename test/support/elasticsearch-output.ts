import { Elasticsearch, type ElasticsearchOptions } from '../../src/outputs/elasticsearch/elasticsearch.ts'
import { quietLog } from './quiet-log.ts'

/** An output to these nodes that is quick to try again, and what it logs. */
export function elasticsearchOutput(urls: readonly string[], options: Partial<ElasticsearchOptions> = {}) {
  const { log, lines } = quietLog()
  const all: ElasticsearchOptions = {
    ...{ urls: [...urls], username: undefined, password: undefined, apiKey: undefined },
    ...{ index: 'cf-{kind}-{yyyy.MM.dd}', isDataStream: false, template: 'none', gzip: false },
    ...{ timeoutMs: 20_000, startTimeoutMs: 500, ca: undefined, cert: undefined, key: undefined, skipSslValidation: false },
    ...{ flushRetries: 3, documentMaxBytes: 262_144, backoff: { initialMs: 50, maxMs: 200, jitter: 0 }, log },
    ...options,
  }
  return { elasticsearch: new Elasticsearch(all), settings: all, lines }
}

/** A record as the encoder writes it. */
export function bulkItem(index: string, id: string, document: object): string {
  return `${JSON.stringify({ create: { _index: index, _id: id } })}\n${JSON.stringify(document)}\n`
}
