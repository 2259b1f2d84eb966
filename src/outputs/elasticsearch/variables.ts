import type { Common, ValuesOf } from '../../config/ends.ts'
import { boolean, duration, expected, kind, oneOf, secret, text } from '../../config/kinds.ts'
import { certificates, privateKey } from '../../config/pem-kinds.ts'
import { baseUrls } from '../../config/url-kinds.ts'
import { templateProblem } from './index-name.ts'

const indexName = kind('name of an index', (value) => {
  const problem = templateProblem(value.trim())
  if (problem !== undefined) throw expected(problem)
  return value.trim()
})

export const variables = {
  CFMR_ELASTICSEARCH_URL: baseUrls(
    'https://elasticsearch.example.com:9200',
    'CFMR_ELASTICSEARCH_USERNAME and CFMR_ELASTICSEARCH_PASSWORD, or CFMR_ELASTICSEARCH_APIKEY',
  )({
    desc: 'Elasticsearch 7 or later, or OpenSearch; several nodes with commas between, of which one that is away is passed over.',
    otherwise: 'required',
  }),
  CFMR_ELASTICSEARCH_USERNAME: text({ desc: 'User for it.' }),
  CFMR_ELASTICSEARCH_PASSWORD: secret({ desc: 'Password of that user.', isSecret: true }),
  CFMR_ELASTICSEARCH_APIKEY: secret({ desc: 'API key instead, in base64 as Elasticsearch gives it out.', isSecret: true }),
  CFMR_ELASTICSEARCH_INDEX: indexName({
    desc: 'Index of a document: {kind} is http, log or container, {yyyy.MM.dd} the UTC day of its event, {org} and {space} are whose it is.',
    otherwise: 'cf-{kind}-{yyyy.MM.dd}, of a data stream cf-{kind}',
  }),
  CFMR_ELASTICSEARCH_DATASTREAM: boolean({ desc: 'The names are those of data streams.', default: 'false' }),
  CFMR_ELASTICSEARCH_TEMPLATE: oneOf(
    'install',
    'check',
    'none',
  )({
    desc: 'The index template with the types of all fields: put it in place at the start, only look whether one fits, or leave that to the operator.',
    default: 'install',
  }),
  CFMR_ELASTICSEARCH_GZIP: boolean({ desc: 'Compress what is sent.', default: 'false' }),
  CFMR_ELASTICSEARCH_TIMEOUT: duration()({ desc: 'Time for one request.', default: '1m' }),
  CFMR_ELASTICSEARCH_STARTTIMEOUT: duration('0s')({ desc: 'How long the start waits for it.', default: '30s' }),
  CFMR_ELASTICSEARCH_TLSCA: certificates({ desc: "Its certificate authority; without it, Node's own list." }),
  CFMR_ELASTICSEARCH_TLSCERT: certificates({ desc: 'Client certificate.' }),
  CFMR_ELASTICSEARCH_TLSKEY: privateKey({ desc: 'Its private key, without a passphrase.', isSecret: true }),
  CFMR_ELASTICSEARCH_SKIPSSLVALIDATION: boolean({ desc: 'Accept any certificate from it.', default: 'false' }),
}

export type ElasticsearchSettings = ReturnType<typeof settingsOf>

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { trusted, batcher, documentMaxBytes }: Common) {
  const isDataStream = v.CFMR_ELASTICSEARCH_DATASTREAM
  return {
    urls: v.CFMR_ELASTICSEARCH_URL ?? [],
    username: v.CFMR_ELASTICSEARCH_USERNAME,
    password: v.CFMR_ELASTICSEARCH_PASSWORD,
    apiKey: v.CFMR_ELASTICSEARCH_APIKEY,
    index: v.CFMR_ELASTICSEARCH_INDEX ?? (isDataStream ? 'cf-{kind}' : 'cf-{kind}-{yyyy.MM.dd}'),
    isDataStream,
    template: v.CFMR_ELASTICSEARCH_TEMPLATE,
    gzip: v.CFMR_ELASTICSEARCH_GZIP,
    timeoutMs: v.CFMR_ELASTICSEARCH_TIMEOUT,
    startTimeoutMs: v.CFMR_ELASTICSEARCH_STARTTIMEOUT,
    ca: v.CFMR_ELASTICSEARCH_TLSCA ?? trusted,
    cert: v.CFMR_ELASTICSEARCH_TLSCERT,
    key: v.CFMR_ELASTICSEARCH_TLSKEY,
    skipSslValidation: v.CFMR_ELASTICSEARCH_SKIPSSLVALIDATION,
    flushRetries: batcher.flushRetries,
    documentMaxBytes,
  }
}
