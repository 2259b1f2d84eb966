import { randomBytes } from 'node:crypto'
import type { Common, ValuesOf } from '../../config/ends.ts'
import { duration, expected, integer, kind, oneOf } from '../../config/kinds.ts'
import { type SocketAddress, socketAddress } from '../../config/socket-address.ts'
import { templateProblem } from './metric-names.ts'

const statsdAddress = socketAddress({ udp: 8125, tcp: 8125 }, 'udp://statsd.example.com:8125')

const nameTemplate = kind('template', (value): string => {
  const problem = templateProblem(value.trim())
  if (problem !== undefined) throw expected(problem)
  return value.trim()
})

export const variables = {
  CFMR_STATSD_ADDR: statsdAddress({ desc: 'The daemon: udp:// or tcp://.', otherwise: 'required' }),
  CFMR_STATSD_FORMAT: oneOf(
    'plain',
    'dogstatsd',
    'influx',
    'graphite',
  )({
    desc: 'Names alone, with tags as Datadog or Telegraf writes them, or Graphite’s lines with times.',
    default: 'plain',
  }),
  CFMR_STATSD_NAME: nameTemplate({
    desc: 'Names of metrics, of {org}, {space}, {app}, {instance}, {metric} and {worker}.',
    otherwise: 'cf.{org}.{space}.{app}.{instance}.{metric}; with tags cf.{metric}',
  }),
  CFMR_STATSD_FLUSHINTERVAL: duration()({ desc: 'Time over which counts and sizes are added up.', default: '10s' }),
  CFMR_STATSD_MAXAGE: duration('0s')({
    desc: 'Older events are discarded, since StatsD takes everything for new; 0: none are. Not for Graphite.',
    default: '30s',
  }),
  CFMR_STATSD_MTU: integer(512, 65_000)({ desc: 'Bytes of a datagram; over TCP, of a write.', default: '1432' }),
  CFMR_STATSD_TIMEOUT: duration()({ desc: 'Time for a connection over TCP.', default: '10s' }),
  CFMR_STATSD_STARTTIMEOUT: duration('0s')({ desc: 'How long the start waits for the daemon, over TCP.', default: '30s' }),
}

export type StatsdSettings = ReturnType<typeof settingsOf>

const NOWHERE: SocketAddress<'udp' | 'tcp'> = { protocol: 'udp', host: '', port: 0 }
const PLAIN_NAME = 'cf.{org}.{space}.{app}.{instance}.{metric}'
const NAMES = { plain: PLAIN_NAME, dogstatsd: 'cf.{metric}', influx: 'cf.{metric}', graphite: `${PLAIN_NAME}.{worker}` }

/** This start of this instance: sums of an interval that two wrote under one path would replace each other. */
function workerName(instanceIndex: number): string {
  return `${instanceIndex}-${randomBytes(4).toString('hex')}`
}

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { batcher, instanceIndex }: Common) {
  const format = v.CFMR_STATSD_FORMAT
  return {
    address: v.CFMR_STATSD_ADDR ?? NOWHERE,
    format,
    name: v.CFMR_STATSD_NAME ?? NAMES[format],
    worker: workerName(instanceIndex),
    flushIntervalMs: v.CFMR_STATSD_FLUSHINTERVAL,
    maxAgeMs: format === 'graphite' ? 0 : v.CFMR_STATSD_MAXAGE,
    mtu: v.CFMR_STATSD_MTU,
    timeoutMs: v.CFMR_STATSD_TIMEOUT,
    startTimeoutMs: v.CFMR_STATSD_STARTTIMEOUT,
    flushRetries: batcher.flushRetries,
  }
}
