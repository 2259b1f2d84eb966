import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { CloudController } from '../../src/cloud-foundry/enricher/cloud-controller.ts'
import { CloudControllerV2 } from '../../src/cloud-foundry/enricher/cloud-controller-v2.ts'
import { trustedCertificates, type Unreadable } from '../../src/config/certificates.ts'
import { kafkaConfig } from '../../src/kafka/connection.ts'
import { startFakeInfluxDb } from '../fakes/influxdb.ts'
import { linesOf } from '../fakes/lines.ts'
import { makeApps } from '../support/apps.ts'
import { influxDbFor } from '../support/influxdb-output.ts'

const log = pino({ enabled: false })
const never = new AbortController().signal
const folder = scratchFolder('trusted')
let kafka: KafkaServer
let tls: { key: string; cert: string }

beforeAll(async () => {
  kafka = await startKafka({ secure: true })
  const { ca = '', serverKeyStore = '' } = kafka.secure?.certificates ?? {}
  const pem = readFileSync(serverKeyStore, 'utf8')
  tls = { key: pem, cert: pem }
  mkdirSync(join(folder, 'platform'))
  copyFileSync(ca, join(folder, 'platform', 'trusted-ca-1.crt'))
})
afterAll(() => kafka?.close())

/** Each says whether it gets through with what is trusted. */
const clients = {
  'Cloud Controller v3 and UAA': (trusted: readonly string[] | undefined) => listApps(CloudController, trusted),
  'Cloud Controller v2 and UAA': (trusted: readonly string[] | undefined) => listApps(CloudControllerV2, trusted),
  InfluxDB: async (trusted: readonly string[] | undefined) => {
    const server = await startFakeInfluxDb({ tls })
    const output = influxDbFor(server.url, { flushRetries: 0, trusted })
    try {
      await output.write(linesOf(['m v=1 1']), never)
    } finally {
      await output.close()
      await server.close()
    }
  },
  Kafka: async (trusted: readonly string[] | undefined) => {
    const { saslBrokers = [], username, password } = kafka.secure ?? {}
    const login = { saslMechanism: 'plain', saslUsername: username, saslPassword: password } as const
    const config = kafkaConfig({ brokers: saslBrokers, clientId: 'test', ssl: true, trusted, ...login, log })
    const admin = new kafkajs.Kafka({ ...config, retry: { retries: 0 } }).admin()
    try {
      await admin.connect()
      await admin.listTopics()
    } finally {
      await admin.disconnect()
    }
  },
}

async function listApps(Source: typeof CloudController | typeof CloudControllerV2, trusted: readonly string[] | undefined): Promise<void> {
  const cloudController = await startCloudController({ apps: makeApps(3), tls })
  const login = { user: 'admin', password: 'admin', timeoutMs: 5000, retries: 0, skipSslValidation: false, resultsPerPage: 100 }
  const source = new Source({ api: cloudController.url, ...login, trusted, log })
  try {
    for await (const apps of source.listApps(never)) expect(apps.length).toBeGreaterThan(0)
  } finally {
    await source.close()
    await cloudController.close()
  }
}

describe.each(Object.entries(clients))('%s', (_, reach) => {
  it('is not trusted with the certificate of an authority that Node does not know', async () => {
    await expect(reach(undefined)).rejects.toThrow(/certificate/i)
  })

  it.each([
    ['CF_SYSTEM_CERT_PATH', 'platform'],
    ['SSL_CERT_FILE', 'platform/trusted-ca-1.crt'],
  ])('is where the platform trusts it (%s)', async (variable, path) => {
    const warnings: Unreadable[] = []
    await reach(trustedCertificates({ [variable]: join(folder, path) }, warnings))
    expect(warnings).toEqual([])
  })
})
