import type { Common, ValuesOf } from '../../config/ends.ts'
import { duration, expected, integer, kind } from '../../config/kinds.ts'
import { baseUrl } from '../../config/url-kinds.ts'

/** It is part of a URL's query, and of what dopplers log. */
const shardId = kind('text', (value) => {
  const id = value.trim()
  if (!/^[\w.:-]{1,200}$/.test(id)) throw expected('1 to 200 letters, digits, ".", ":", "_" and "-"')
  return id
})

const MAX_STREAMS = 16
/** The gateway answers at once, or not at all. */
const MAX_TIMEOUT_MS = 30_000

export const variables = {
  CFMR_FIREHOSE_URL: baseUrl(
    'https://log-stream.example.com',
    'CFMR_CF_USER and CFMR_CF_PASSWORD',
  )({
    desc: "Loggregator's RLP gateway. The login is that of Cloud Controller, and needs logs.admin.",
    otherwise: "what the API's root says (links.log_stream), else log-stream. in place of api.",
  }),
  CFMR_FIREHOSE_SHARDID: shardId({
    desc: 'Streams of one shard share the envelopes: the same for all instances that write to one place, another one for anybody else.',
    default: 'cf-metrics-refinery',
  }),
  CFMR_FIREHOSE_STREAMS: integer(
    1,
    MAX_STREAMS,
  )({
    desc: 'Streams of each instance. With two or more, one that is lost leaves no gap.',
    default: '2',
  }),
  CFMR_FIREHOSE_STREAMAGE: duration('1s')({
    desc: 'A stream is replaced after so long, its successor first: before the gateway ends it, which it does after 14 minutes.',
    default: '13m',
  }),
}

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { limits, cf }: Common) {
  return {
    url: v.CFMR_FIREHOSE_URL,
    shardId: v.CFMR_FIREHOSE_SHARDID,
    streams: v.CFMR_FIREHOSE_STREAMS,
    streamAgeMs: v.CFMR_FIREHOSE_STREAMAGE,
    timeoutMs: Math.min(cf.timeoutMs, MAX_TIMEOUT_MS),
    cf,
    limits,
  }
}

export type FirehoseSettings = ReturnType<typeof settingsOf>
