import kafkajs from 'kafkajs'
import type { Common, ValuesOf } from '../../config/ends.ts'
import { brokers } from '../../config/kafka-kinds.ts'
import { boolean, duration, expected, kind, oneOf, secret, text } from '../../config/kinds.ts'
import { certificates, privateKey } from '../../config/pem-kinds.ts'
import { PLACEHOLDER } from '../name-template.ts'

const { CompressionTypes } = kafkajs

const topicName = kind('topic, perhaps with placeholders', (value) => {
  const name = value.trim()
  if (!/^[\w.-]{1,249}$/.test(name.replace(PLACEHOLDER, 'x'))) {
    throw expected('letters, digits, ".", "_" and "-", and the placeholders {kind}, {yyyy.MM.dd}, {org} and {space}')
  }
  return name
})

export const variables = {
  CFMR_KAFKAOUTPUT_TOPIC: topicName({
    desc: 'Topic of a message: {kind} is http, log or container, {org} and {space} are whose its event is, {yyyy.MM.dd} is its UTC day. Topics are never created.',
    otherwise: 'required',
  }),
  CFMR_KAFKAOUTPUT_FORMAT: oneOf(
    'document',
    'envelope',
  )({
    desc: 'What a message holds: a JSON document, or the envelope as it came, with what is known of its app in headers.',
    default: 'document',
  }),
  CFMR_KAFKAOUTPUT_KEY: oneOf(
    'app',
    'none',
  )({ desc: 'The key of a message: the GUID of its app, so that its messages keep their order, or none.', default: 'app' }),
  CFMR_KAFKAOUTPUT_COMPRESSION: oneOf(
    'none',
    'gzip',
    'snappy',
    'lz4',
    'zstd',
  )({ desc: 'Of what is sent. zstd needs Node 22.15.', default: 'none' }),
  CFMR_KAFKAOUTPUT_BROKERS: brokers({
    desc: 'Brokers to start from, with a connection of their own.',
    otherwise: "the input's brokers and connection",
  }),
  CFMR_KAFKAOUTPUT_SSL: boolean({ desc: 'TLS to the brokers.', default: 'false' }),
  CFMR_KAFKAOUTPUT_TLSCA: certificates({ desc: "Their certificate authority; without it, Node's own list." }),
  CFMR_KAFKAOUTPUT_TLSCERT: certificates({ desc: 'Client certificate.' }),
  CFMR_KAFKAOUTPUT_TLSKEY: privateKey({ desc: 'Its private key, without a passphrase.', isSecret: true }),
  CFMR_KAFKAOUTPUT_SKIPSSLVALIDATION: boolean({ desc: 'Accept any certificate from a broker.', default: 'false' }),
  CFMR_KAFKAOUTPUT_SASLMECHANISM: oneOf('plain', 'scram-sha-256', 'scram-sha-512')({ desc: 'How to log in.', otherwise: 'no login' }),
  CFMR_KAFKAOUTPUT_SASLUSERNAME: text({ desc: 'User for it.' }),
  CFMR_KAFKAOUTPUT_SASLPASSWORD: secret({ desc: 'Password for it.', isSecret: true }),
  CFMR_KAFKAOUTPUT_TIMEOUT: duration()({ desc: 'How long brokers have for one request.', default: '10s' }),
  CFMR_KAFKAOUTPUT_STARTTIMEOUT: duration('0s')({ desc: 'How long the start waits for the brokers.', default: '30s' }),
}

/** What belongs to a connection of its own. */
export const CONNECTION = [
  'CFMR_KAFKAOUTPUT_SSL',
  'CFMR_KAFKAOUTPUT_TLSCA',
  'CFMR_KAFKAOUTPUT_TLSCERT',
  'CFMR_KAFKAOUTPUT_TLSKEY',
  'CFMR_KAFKAOUTPUT_SKIPSSLVALIDATION',
  'CFMR_KAFKAOUTPUT_SASLMECHANISM',
  'CFMR_KAFKAOUTPUT_SASLUSERNAME',
  'CFMR_KAFKAOUTPUT_SASLPASSWORD',
] as const

const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { kafka, trusted, batcher, documentMaxBytes, instanceIndex }: Common) {
  const own = {
    brokers: v.CFMR_KAFKAOUTPUT_BROKERS ?? [],
    clientId: `cf-metrics-refinery-${instanceIndex}`,
    ssl: v.CFMR_KAFKAOUTPUT_SSL,
    sslCa: v.CFMR_KAFKAOUTPUT_TLSCA,
    sslCert: v.CFMR_KAFKAOUTPUT_TLSCERT,
    sslKey: v.CFMR_KAFKAOUTPUT_TLSKEY,
    skipSslValidation: v.CFMR_KAFKAOUTPUT_SKIPSSLVALIDATION,
    trusted,
    saslMechanism: v.CFMR_KAFKAOUTPUT_SASLMECHANISM,
    saslUsername: v.CFMR_KAFKAOUTPUT_SASLUSERNAME,
    saslPassword: v.CFMR_KAFKAOUTPUT_SASLPASSWORD,
  }
  return {
    topic: v.CFMR_KAFKAOUTPUT_TOPIC ?? '',
    format: v.CFMR_KAFKAOUTPUT_FORMAT,
    key: v.CFMR_KAFKAOUTPUT_KEY,
    compression: COMPRESSION[v.CFMR_KAFKAOUTPUT_COMPRESSION],
    connection: v.CFMR_KAFKAOUTPUT_BROKERS === undefined ? kafka : own,
    timeoutMs: v.CFMR_KAFKAOUTPUT_TIMEOUT,
    startTimeoutMs: v.CFMR_KAFKAOUTPUT_STARTTIMEOUT,
    flushRetries: batcher.flushRetries,
    maxBytes: documentMaxBytes,
  }
}

export type KafkaOutputSettings = ReturnType<typeof settingsOf>
