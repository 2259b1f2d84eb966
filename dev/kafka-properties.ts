import { join } from 'node:path'
import type { Certificates } from './certificates.ts'

/** Whom the secure listeners let in. */
export const user = { username: 'refinery', password: 'scram-secret' }

/** A plain listener, and what its clients are told to connect to. */
export interface ProxiedListener {
  readonly port: number
  readonly advertisedPort: number
}

interface NodeLayout {
  readonly id: number
  readonly voters: readonly string[]
  readonly folder: string
  readonly port: number
  readonly advertisedPort?: number
  readonly proxied?: readonly ProxiedListener[]
  readonly saslPort: number
  readonly openSaslPort: number
  readonly tlsPort: number
  readonly certificates: Certificates | undefined
}

/** What server.properties says of a node that is broker and controller, small enough for tests. */
export function nodeProperties({
  id,
  voters,
  folder,
  port,
  advertisedPort,
  proxied = [],
  saslPort,
  openSaslPort,
  tlsPort,
  certificates,
}: NodeLayout): Record<string, string | number> {
  const controller = voters[id - 1]?.replace(/^\d+@/, '')
  const secure = certificates
    ? `,SASL_SSL://127.0.0.1:${saslPort},SASL_PLAINTEXT://127.0.0.1:${openSaslPort},SSL://127.0.0.1:${tlsPort}`
    : ''
  const listeners = (portOf: (listener: ProxiedListener) => number) =>
    proxied.map((listener, index) => `,PROXIED${index}://127.0.0.1:${portOf(listener)}`).join('')
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters.join(','),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL${proxied.map((_, index) => `,PROXIED${index}:PLAINTEXT`).join('')}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://${controller}${secure}${listeners((each) => each.port)}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort ?? port}${secure}${listeners((each) => each.advertisedPort)}`,
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 2,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    // A broker that was killed cannot register again before its earlier session has ended.
    'broker.session.timeout.ms': voters.length > 1 ? 5000 : 1500,
    'broker.heartbeat.interval.ms': 300,
    'num.network.threads': 2,
    'num.io.threads': 4,
    // Messages have the times of their events, in loads long ago.
    'log.retention.ms': -1,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
    'controlled.shutdown.enable': voters.length > 1 ? 'true' : 'false',
    ...(certificates && {
      'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512,PLAIN',
      ...logins('sasl_ssl'),
      ...logins('sasl_plaintext'),
      'listener.name.ssl.ssl.client.auth': 'required',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': certificates.serverKeyStore,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': certificates.ca,
    }),
  }
}

/** Of a listener whose clients log in. */
function logins(listener: string): Record<string, string> {
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  return {
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: scram,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: scram,
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required user_${user.username}="${user.password}";`,
  }
}

/** As Java reads them. */
export const linesOf = (properties: Readonly<Record<string, string | number>>) =>
  Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
