import type { Common, ValuesOf } from '../../config/ends.ts'
import { boolean, duration, integer, oneOf } from '../../config/kinds.ts'
import { certificates, privateKey } from '../../config/pem-kinds.ts'
import { type SocketAddress, socketAddress } from '../../config/socket-address.ts'

const PORTS = { tcp: 514, tls: 6514, relp: 2514, udp: 514 } as const
const NOWHERE: SocketAddress<keyof typeof PORTS> = { protocol: 'tcp', host: '', port: 0 }

const syslogUrl = socketAddress(PORTS, 'relp://syslog.example.com:2514')

export const variables = {
  CFMR_SYSLOG_URL: syslogUrl({
    desc: 'The receiver: relp:// is acknowledged; tcp://, tls:// and udp:// are not.',
    otherwise: 'required',
  }),
  CFMR_SYSLOG_FRAMING: oneOf(
    'octet',
    'lf',
  )({
    desc: 'How messages over TCP and TLS are told apart: by their length (RFC 6587), or by a line feed, each one within written as \\n.',
    default: 'octet',
  }),
  CFMR_SYSLOG_MAXBYTES: integer(480, 1_000_000)({ desc: 'The longest message; a longer one is cut, and says so.', default: '8192' }),
  CFMR_SYSLOG_WINDOWBYTES: integer(
    0,
    64 * 2 ** 20,
  )({ desc: 'So much of what was written last is written again after a break, over TCP and TLS.', default: '262144' }),
  CFMR_SYSLOG_METRICS: boolean({ desc: 'Requests and usage, too, as structured data.', default: 'false' }),
  CFMR_SYSLOG_TIMEOUT: duration()({ desc: 'Time for a connection, and over RELP for the next answer.', default: '30s' }),
  CFMR_SYSLOG_STARTTIMEOUT: duration('0s')({ desc: 'How long the start waits for the receiver.', default: '30s' }),
  CFMR_SYSLOG_TLSCA: certificates({ desc: "Its certificate authority; without it, Node's own list." }),
  CFMR_SYSLOG_TLSCERT: certificates({ desc: 'Client certificate.' }),
  CFMR_SYSLOG_TLSKEY: privateKey({ desc: 'Its private key, without a passphrase.', isSecret: true }),
  CFMR_SYSLOG_SKIPSSLVALIDATION: boolean({ desc: 'Accept any certificate from it.', default: 'false' }),
}

export type SyslogSettings = ReturnType<typeof settingsOf>

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { trusted, batcher }: Common) {
  return {
    address: v.CFMR_SYSLOG_URL ?? NOWHERE,
    framing: v.CFMR_SYSLOG_FRAMING,
    maxBytes: v.CFMR_SYSLOG_MAXBYTES,
    windowBytes: v.CFMR_SYSLOG_WINDOWBYTES,
    metrics: v.CFMR_SYSLOG_METRICS,
    timeoutMs: v.CFMR_SYSLOG_TIMEOUT,
    startTimeoutMs: v.CFMR_SYSLOG_STARTTIMEOUT,
    ca: v.CFMR_SYSLOG_TLSCA ?? trusted,
    cert: v.CFMR_SYSLOG_TLSCERT,
    key: v.CFMR_SYSLOG_TLSKEY,
    skipSslValidation: v.CFMR_SYSLOG_SKIPSSLVALIDATION,
    flushRetries: batcher.flushRetries,
  }
}
