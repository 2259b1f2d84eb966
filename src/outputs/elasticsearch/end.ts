import { pair } from '../../config/ends.ts'
import type { OutputEnd } from '../end.ts'
import { BulkEncoder } from './bulk-encoder.ts'
import { checkElasticsearch } from './check.ts'
import { Elasticsearch, MAX_WRITES } from './elasticsearch.ts'
import { settingsOf, variables } from './variables.ts'

/** Elasticsearch advises a few megabytes a request. More would only take memory. */
const BATCH_BYTES = 2 * 2 ** 20

/** Documents for Elasticsearch 7 or later, and OpenSearch. */
export const elasticsearch: OutputEnd<typeof variables> = {
  name: 'elasticsearch',
  title: 'Output: elasticsearch',
  variables,
  *mistakes({ values, isSet }) {
    if (!isSet('CFMR_ELASTICSEARCH_URL')) yield 'CFMR_ELASTICSEARCH_URL: not set, expected the URL of Elasticsearch or OpenSearch'
    yield* pair(isSet, 'CFMR_ELASTICSEARCH_USERNAME', 'CFMR_ELASTICSEARCH_PASSWORD')
    yield* pair(isSet, 'CFMR_ELASTICSEARCH_TLSCERT', 'CFMR_ELASTICSEARCH_TLSKEY')
    if (isSet('CFMR_ELASTICSEARCH_APIKEY') && isSet('CFMR_ELASTICSEARCH_USERNAME')) {
      yield 'CFMR_ELASTICSEARCH_APIKEY: found a value beside CFMR_ELASTICSEARCH_USERNAME, expected one way to log in'
    }
    const index = values.CFMR_ELASTICSEARCH_INDEX
    if (index !== undefined && !index.includes('{kind}')) {
      yield `CFMR_ELASTICSEARCH_INDEX: found ${JSON.stringify(index)}, expected {kind} in it: kinds of documents have fields of their own`
    }
    if (values.CFMR_ELASTICSEARCH_DATASTREAM === true && index?.includes('{yyyy.MM.dd}') === true) {
      yield `CFMR_ELASTICSEARCH_INDEX: found ${JSON.stringify(index)}, expected a name without a day with CFMR_ELASTICSEARCH_DATASTREAM=true: a data stream has backing indices of its own`
    }
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    return {
      name: 'elasticsearch',
      settings,
      build: (log) => ({
        output: new Elasticsearch({ ...settings, log }),
        encoder: new BulkEncoder({ index: settings.index, maxBytes: settings.documentMaxBytes }),
        limits: { ...common.batcher, maxBytes: BATCH_BYTES, maxWrites: MAX_WRITES },
        ack: 'stored',
        spelling: () => ({ documents: true }),
      }),
      check: (_log, signal) => checkElasticsearch(settings, signal),
    }
  },
}
