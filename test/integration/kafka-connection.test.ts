import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, connect as dial } from 'node:net'
import kafkajs from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../dev/free-port.ts'
import { type KafkaServer, type SecureListeners, startKafka } from '../../dev/kafka.ts'
import { type KafkaConnectionOptions, kafkaConfig } from '../../src/kafka/connection.ts'
import { explainKafkaError, type KafkaProblem } from '../../src/kafka/problem.ts'

let server: KafkaServer
let secure: SecureListeners
const pem = (path: string) => readFileSync(path, 'utf8')
const log = pino({ enabled: false })

beforeAll(async () => {
  server = await startKafka({ secure: true })
  if (server.secure === undefined) throw new Error('started without its secure listeners')
  secure = server.secure
})

afterAll(async () => {
  await server?.close()
})

type Options = Partial<KafkaConnectionOptions>

async function topicsSeen(options: Options): Promise<readonly string[]> {
  const config = kafkaConfig({ brokers: server.brokers, clientId: 'test', ssl: false, log, ...options })
  const admin = new kafkajs.Kafka({ ...config, connectionTimeout: 1500, retry: { retries: 1, initialRetryTime: 50 } }).admin()
  try {
    await admin.connect()
    return (await admin.listTopics()).filter((topic) => !topic.startsWith('__'))
  } finally {
    await admin.disconnect()
  }
}

async function refusal(options: Options): Promise<KafkaProblem> {
  try {
    await topicsSeen(options)
  } catch (error) {
    return explainKafkaError(error)
  }
  throw new Error('was let in')
}

const saslOverTls = (): Options => ({
  brokers: secure.saslBrokers,
  ssl: true,
  sslCa: pem(secure.certificates.ca),
  saslUsername: secure.username,
  saslPassword: secure.password,
})

it('a broker is reached by its IPv6 address, and named as it was written', async () => {
  const port = Number(server.brokers[0]?.split(':').at(-1))
  const proxy = createServer((socket) => {
    const broker = dial(port, '127.0.0.1')
    for (const [from, to] of [[socket, broker], [broker, socket]] as const) from.on('error', () => to.destroy()).pipe(to) // biome-ignore format: a table
  })
  await once(proxy.listen(0, '::1'), 'listening')
  const address = `[::1]:${(proxy.address() as AddressInfo).port}`
  expect(await topicsSeen({ brokers: [address] })).toEqual([])
  proxy.close()
  const [nowhere] = await freePorts(1)
  expect((await refusal({ brokers: [`[::1]:${nowhere}`] })).message).toContain(`[::1]:${nowhere}`)
})

describe('lets in', () => {
  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('a login by %s over TLS with a CA of our own', async (saslMechanism) => {
    expect(await topicsSeen({ ...saslOverTls(), saslMechanism })).toEqual([])
  })

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('a login by %s without TLS', async (saslMechanism) => {
    expect(await topicsSeen({ ...saslOverTls(), brokers: secure.openSaslBrokers, ssl: false, saslMechanism })).toEqual([])
  })

  it('a client certificate', async () => {
    const { ca, clientCertificate, clientKey } = secure.certificates
    const keys = { sslCa: pem(ca), sslCert: pem(clientCertificate), sslKey: pem(clientKey) }
    expect(await topicsSeen({ brokers: secure.tlsBrokers, ssl: true, ...keys })).toEqual([])
  })

  it('a broker by its name', async () => {
    const brokers = secure.saslBrokers.map((broker) => broker.replace('127.0.0.1', 'localhost'))
    expect(await topicsSeen({ ...saslOverTls(), brokers, saslMechanism: 'scram-sha-512' })).toEqual([])
  })

  it('any certificate where validation is skipped', async () => {
    const options = { ...saslOverTls(), sslCa: undefined, skipSslValidation: true }
    expect(await topicsSeen({ ...options, saslMechanism: 'scram-sha-256' })).toEqual([])
  })
})

describe('says which it is that keeps us out', () => {
  it.each(['plain', 'scram-sha-256'] as const)('a wrong password (%s)', async (saslMechanism) => {
    const problem = await refusal({ ...saslOverTls(), saslMechanism, saslPassword: 'wrong-password' })
    expect(problem).toMatchObject({ kind: 'authentication', message: expect.stringContaining('CFMR_KAFKA_SASLPASSWORD') })
    expect(problem.message).not.toContain('wrong-password')
  })

  it('a mechanism that Kafka does not offer', async () => {
    const problem = await refusal({ ...saslOverTls(), saslMechanism: 'gssapi' as 'plain' })
    expect(problem).toMatchObject({ kind: 'authentication', message: expect.stringContaining('CFMR_KAFKA_SASLMECHANISM') })
  })

  it('a login where the broker wants none', async () => {
    const problem = await refusal({ saslMechanism: 'plain', saslUsername: 'me', saslPassword: 'my-secret' })
    expect(problem).toMatchObject({ kind: 'authentication', message: expect.stringContaining('CFMR_KAFKA_SASLMECHANISM') })
  })

  it('a certificate of an unknown authority, and tells it at once, not only when kafkajs gives up', async () => {
    const told: KafkaProblem[] = []
    const sslCa = pem(secure.certificates.otherCa)
    const problem = await refusal({ ...saslOverTls(), sslCa, saslMechanism: 'plain', onTlsFailure: (failure) => told.push(failure) })
    expect(problem).toMatchObject({ kind: 'tls', message: expect.stringContaining('CFMR_KAFKA_SSLCA') })
    expect(told[0]).toMatchObject({ kind: 'tls' })
  })

  it('a client certificate that is missing', async () => {
    const told: KafkaProblem[] = []
    const options = { brokers: secure.tlsBrokers, ssl: true, sslCa: pem(secure.certificates.ca) }
    const problem = await refusal({ ...options, onTlsFailure: (failure) => told.push(failure) })
    expect([problem.kind, ...told.map(({ message }) => message)].join()).toContain('CFMR_KAFKA_SSLCERT')
  })

  it('a key that is no PEM text', async () => {
    const options = { ...saslOverTls(), sslCert: 'nonsense', sslKey: 'nonsense', saslMechanism: 'plain' as const }
    expect(await refusal(options)).toMatchObject({ kind: 'tls', message: expect.stringContaining('CFMR_KAFKA_SSLKEY') })
  })

  it('no TLS where the broker expects it', async () => {
    const problem = await refusal({ brokers: secure.saslBrokers })
    expect(problem).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('CFMR_KAFKA_SSL') })
  })

  it('nobody there', async () => {
    const [port] = await freePorts(1)
    const problem = await refusal({ brokers: [`127.0.0.1:${port}`] })
    expect(problem).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('CFMR_KAFKA_BROKERS') })
    expect(problem.message).toContain(`127.0.0.1:${port}`)
  })

  it('a name that does not resolve', async () => {
    expect(await refusal({ brokers: ['kafka.invalid:9092'] })).toMatchObject({ kind: 'unreachable' })
  })
})

it("turns kafkajs's own lines into a few of ours, without secrets", async () => {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const [port] = await freePorts(1)
  const options = {
    brokers: [`127.0.0.1:${port}`],
    ssl: true,
    saslMechanism: 'plain',
    saslUsername: 'me',
    saslPassword: 'my-secret',
  } as const
  const admin = new kafkajs.Kafka({
    ...kafkaConfig({ ...options, clientId: 'test', log }),
    retry: { retries: 5, initialRetryTime: 10 },
  }).admin()
  await expect(admin.connect()).rejects.toThrow()
  expect(lines.length).toBeGreaterThan(0)
  expect(lines.length).toBeLessThan(5)
  expect(lines.join()).toContain('kafkajs: ')
  expect(lines.join()).not.toContain('my-secret')
})
