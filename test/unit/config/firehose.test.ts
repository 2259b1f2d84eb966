import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { type Env, mistakes, read } from './complete.ts'

const NO_KAFKA = { CFMR_KAFKA_BROKERS: '', CFMR_KAFKA_TOPICS: '', CFMR_KAFKA_CONSUMERGROUP: '' }
const FIREHOSE = { ...NO_KAFKA, CFMR_INPUT: 'firehose' }
const FILE = {
  CFMR_CF_API: `file:${fileURLToPath(new URL('../../fixtures/mix-apps.json', import.meta.url))}`,
  CFMR_CF_USER: '',
  CFMR_CF_PASSWORD: '',
}

it('the firehose needs no variable of its own, and no Kafka; outputs are tried for ever', () => {
  const config = read(FIREHOSE)
  expect(config.inputs).toMatchObject([
    { name: 'firehose', settings: { url: undefined, shardId: 'cf-metrics-refinery', streams: 2, streamAgeMs: 780_000, timeoutMs: 30_000 } },
  ])
  expect(config.batcher.flushRetries).toBe(-1)
  expect(read({ ...FIREHOSE, CFMR_BATCHER_FLUSHRETRIES: '5' }).batcher.flushRetries).toBe(5)
})

it.each<[string, Env, string]>([
  ['variables of it without it', { CFMR_FIREHOSE_STREAMS: '3' }, 'CFMR_FIREHOSE_STREAMS: found a value without firehose in CFMR_INPUT'],
  [
    'too short an age',
    { ...FIREHOSE, CFMR_FIREHOSE_STREAMAGE: '500ms' },
    'CFMR_FIREHOSE_STREAMAGE: found "500ms", expected a duration, 1s or more',
  ],
  ['no stream', { ...FIREHOSE, CFMR_FIREHOSE_STREAMS: '0' }, 'CFMR_FIREHOSE_STREAMS: found "0", expected a whole number, 1 to 16'],
  [
    'a shard with a space',
    { ...FIREHOSE, CFMR_FIREHOSE_SHARDID: 'my shard' },
    'CFMR_FIREHOSE_SHARDID: found "my shard", expected 1 to 200 letters',
  ],
  ['a login in the URL', { ...FIREHOSE, CFMR_FIREHOSE_URL: 'https://a:secret@x' }, 'CFMR_FIREHOSE_URL: found a value with "@" (not shown'],
  [
    'a file in place of the API, and no URL',
    { ...FIREHOSE, ...FILE, CFMR_CF_TOKEN: 'a.b.c' },
    'CFMR_FIREHOSE_URL: not set, expected the URL of the gateway',
  ],
  [
    'a file in place of the API, and no token',
    { ...FIREHOSE, ...FILE, CFMR_FIREHOSE_URL: 'https://log-stream.example.com' },
    'CFMR_CF_TOKEN: not set, expected a token for the gateway',
  ],
])('%s is a mistake', (_, env, mistake) => {
  expect(mistakes(env)).toEqual([expect.stringContaining(mistake)])
})
