import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import kafkajs, { type Admin } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { freePorts } from '../../dev/free-port.ts'
import { type InfluxDbServer, startInfluxDb } from '../../dev/influxdb.ts'
import { type KafkaServer, type SecureListeners, startKafka } from '../../dev/kafka.ts'
import { startVictoriaMetrics } from '../../dev/victoria-metrics.ts'
import { check } from '../../src/check/check.ts'
import { CloudController } from '../../src/cloud-foundry/enricher/cloud-controller.ts'
import { readConfig } from '../../src/config/config.ts'
import { kafkaConfig } from '../../src/kafka/connection.ts'
import { startFakeInfluxDb } from '../fakes/influxdb.ts'

const log = pino({ enabled: false })
/** As on a cluster where people may create topics by asking for them, and where not everybody may do everything. */
const properties = {
  'auto.create.topics.enable': 'true',
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
  'allow.everyone.if.no.acl.found': 'true',
}
let kafka: KafkaServer
let secure: SecureListeners
let influxdb: InfluxDbServer
let admin: Admin

beforeAll(async () => {
  const admins = { username: 'root', password: 'root-secret' }
  ;[kafka, influxdb] = await Promise.all([
    startKafka({ secure: true, properties }),
    startInfluxDb({ databases: ['metrics'], admin: admins }),
  ])
  if (kafka.secure === undefined) throw new Error('started without its secure listeners')
  secure = kafka.secure
  const client = new kafkajs.Kafka(kafkaConfig({ brokers: kafka.brokers, clientId: 'test', ssl: false, log }))
  admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'log-a', numPartitions: 3 }, { topic: 'log-b' }, { topic: 'dead' }], waitForLeaders: true })
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic: 'log-a', messages: Array.from({ length: 30 }, (_, i) => ({ value: `${i}`, partition: i % 3 })) })
  await producer.disconnect()
})

afterAll(async () => {
  await admin?.disconnect()
  await Promise.all([kafka?.close(), influxdb?.close()])
})

/** What Cloud Controller and UAA, one server here, say. */
let platform: { apps: number; scopes: string[] | undefined; password: string; root: object | undefined }
let cc: Server
let ccUrl: string

beforeEach(async () => {
  platform = { apps: 7, scopes: ['cloud_controller.global_auditor'], password: 'cc-secret', root: undefined }
  cc = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://cc')
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (pathname === '/') return answer(200, platform.root ?? rootOf(ccUrl))
    if (pathname === '/v3/apps') return answer(200, pageOf(platform.apps))
    if (pathname !== '/oauth/token') return answer(404, { errors: [] })
    let form = ''
    request.on('data', (piece) => {
      form += piece
    })
    request.on('end', () => {
      if (new URLSearchParams(form).get('password') !== platform.password) return answer(401, { error: 'unauthorized' })
      const claims = Buffer.from(JSON.stringify({ scope: platform.scopes })).toString('base64url')
      return answer(200, { access_token: `e30.${claims}.sig`, token_type: 'bearer', expires_in: 600 })
    })
  })
  await new Promise<void>((resolve) => cc.listen(0, '127.0.0.1', resolve))
  ccUrl = `http://127.0.0.1:${(cc.address() as AddressInfo).port}`
})

afterEach(() => {
  cc.closeAllConnections()
  cc.close()
})

const rootOf = (url: string) => ({
  links: { cloud_controller_v2: null, cloud_controller_v3: { href: `${url}/v3`, meta: { version: '3.180.0' } }, uaa: { href: url } },
})

function pageOf(apps: number): object {
  const resources = Array.from({ length: apps }, (_, i) => ({
    guid: `app-${i}`,
    name: `app ${i}`,
    relationships: { space: { data: { guid: 'space-1' } } },
  }))
  const space = { guid: 'space-1', name: 'space', relationships: { organization: { data: { guid: 'org-1' } } } }
  const included = { spaces: [space], organizations: [{ guid: 'org-1', name: 'org' }] }
  return { pagination: { total_results: apps, total_pages: 1, next: null }, resources, included }
}

interface Seen {
  readonly part: string
  readonly check: string
  readonly outcome: string
  readonly message: string
}

const settings = (): Record<string, string> => ({
  CFMR_KAFKA_BROKERS: kafka.brokers.join(),
  CFMR_KAFKA_TOPICS: 'log-a',
  CFMR_KAFKA_CONSUMERGROUP: 'refinery',
  CFMR_CF_API: ccUrl,
  CFMR_CF_USER: 'auditor',
  CFMR_CF_PASSWORD: 'cc-secret',
  CFMR_INFLUXDB_ADDR: influxdb.url,
  CFMR_INFLUXDB_DATABASE: 'metrics',
  CFMR_INFLUXDB_USERNAME: 'root',
  CFMR_INFLUXDB_PASSWORD: 'root-secret',
})

async function run(
  changes: Record<string, string> = {},
  json = true,
  seen = (_: string): void => {},
): Promise<{ isWell: boolean; lines: string[] }> {
  const config = readConfig({ ...settings(), ...changes }, 'check')
  const lines: string[] = []
  const print = (line: string) => {
    lines.push(line)
    seen(line)
  }
  const source = new CloudController({ ...config.cf, log })
  const isWell = await check({ config, source, json, log, print }, new AbortController().signal)
  expect(lines.join()).not.toMatch(/root-secret|cc-secret|scram-secret|wrong-secret/)
  return { isWell, lines }
}

/** What was found of one part, where the whole is expected to be well or not. */
async function findings(part: string, changes: Record<string, string>, expected: boolean): Promise<Seen[]> {
  const { isWell, lines } = await run(changes)
  const seen = lines.map((line) => JSON.parse(line) as Seen)
  expect(isWell, lines.join('\n')).toBe(expected)
  expect(seen.every(({ outcome }) => outcome !== 'failed')).toBe(expected)
  return seen.filter((finding) => finding.part === part)
}

const failure = (message: string) => expect.objectContaining({ outcome: 'failed', message: expect.stringContaining(message) })
const caution = (message: string) => expect.objectContaining({ outcome: 'warning', message: expect.stringContaining(message) })

describe('where all is well', () => {
  it('says what it found, a line each, and changes nothing', async () => {
    const { isWell, lines } = await run({ CFMR_KAFKA_TOPICS: '/^log-/', CFMR_KAFKA_DEADLETTERTOPIC: 'dead' }, false)
    expect(isWell, lines.join('\n')).toBe(true)
    expect(lines.map((line) => line.replaceAll(/\d{4,}/g, '…'))).toEqual([
      'ok       kafka     broker 127.0.0.1:… answers (plain text, no login)',
      'ok       kafka     cluster cfmr-dev-cluster-…: 1 broker, each reached by the address it gives',
      'ok       kafka     group refinery can be read; it has committed nothing yet, so it begins at the oldest messages',
      'ok       kafka     topic log-a: 3 partitions, 30 messages waiting',
      'ok       kafka     topic log-b: 1 partition, 0 messages waiting',
      'ok       kafka     dead-letter topic dead is there',
      'ok       cf        Cloud Controller answers at http://127.0.0.1:…: API v3, version 3.180.0; its API v2 is switched off, as is usual now',
      'ok       cf        UAA at http://127.0.0.1:… lets auditor in',
      'ok       cf        the account sees 7 apps',
      'ok       influxdb  http://127.0.0.1:… answers: version 1.6.7~rc0',
      'ok       influxdb  database metrics takes writes',
    ])
    expect((await admin.listGroups()).groups).toEqual([])
    expect(await influxdb.query('SHOW MEASUREMENTS', 'metrics')).toEqual([])
  })

  it('says each part when it is done with it, before it asks the next', async () => {
    let printed = 0
    const printedWhenAsked: number[] = []
    cc.prependListener('request', () => printedWhenAsked.push(printed))
    await run({}, false, () => printed++)
    expect(printedWhenAsked[0]).toBe(5)
    expect(printedWhenAsked.at(-1)).toBeGreaterThan(6)
  })

  it('counts what waits behind what the group committed', async () => {
    await admin.setOffsets({ groupId: 'half-way', topic: 'log-a', partitions: [0, 1, 2].map((partition) => ({ partition, offset: '4' })) })
    expect(await findings('kafka', { CFMR_KAFKA_CONSUMERGROUP: 'half-way' }, true)).toContainEqual(
      expect.objectContaining({ check: 'topic', topic: 'log-a', partitions: 3, waiting: 18 }),
    )
  })

  it('knows a server that speaks the API of version 2', async () => {
    const victoria = await startVictoriaMetrics()
    try {
      const changes = {
        CFMR_INFLUXDB_ADDR: victoria.url,
        CFMR_INFLUXDB_DATABASE: '',
        CFMR_INFLUXDB_USERNAME: '',
        CFMR_INFLUXDB_PASSWORD: '',
      }
      expect(await findings('influxdb', { ...changes, CFMR_INFLUXDB_BUCKET: 'metrics' }, true)).toHaveLength(2)
    } finally {
      await victoria.close()
    }
  })
})

describe('of Kafka, says', () => {
  const login = () => ({
    CFMR_KAFKA_BROKERS: secure.saslBrokers.join(),
    CFMR_KAFKA_SSL: 'true',
    CFMR_KAFKA_SSLCA: secure.certificates.ca,
    CFMR_KAFKA_SASLMECHANISM: 'scram-sha-512',
    CFMR_KAFKA_SASLUSERNAME: secure.username,
    CFMR_KAFKA_SASLPASSWORD: secure.password,
  })

  it('that nobody is there, and tries the others nevertheless', async () => {
    const [port] = await freePorts(1)
    const { isWell, lines } = await run({ CFMR_KAFKA_BROKERS: `127.0.0.1:${port}` })
    expect(isWell).toBe(false)
    const seen = lines.map((line) => JSON.parse(line) as Seen)
    expect(seen.filter(({ part }) => part === 'kafka')).toEqual([failure('CFMR_KAFKA_BROKERS')])
    expect(seen.filter(({ outcome }) => outcome === 'ok').map(({ part }) => part)).toEqual(['cf', 'cf', 'cf', 'influxdb', 'influxdb'])
  })

  it('which one of several brokers does not answer', async () => {
    const [port] = await freePorts(1)
    const brokers = [`127.0.0.1:${port}`, ...kafka.brokers].join()
    expect((await findings('kafka', { CFMR_KAFKA_BROKERS: brokers }, true))[0]).toEqual(caution(`127.0.0.1:${port}`))
  })

  it('what TLS and the login fail at', async () => {
    const changes = login()
    expect((await findings('kafka', changes, true))[0]?.message).toContain('(TLS, scram-sha-512)')
    const other = { CFMR_KAFKA_SSLCA: secure.certificates.otherCa }
    expect(await findings('kafka', { ...changes, ...other }, false)).toEqual([failure('CFMR_KAFKA_SSLCA')])
    const wrong = { CFMR_KAFKA_SASLPASSWORD: 'wrong-secret' }
    expect(await findings('kafka', { ...changes, ...wrong }, false)).toEqual([failure('CFMR_KAFKA_SASLPASSWORD')])
  })

  it('that the account may not read the group, nor see a topic', async () => {
    const { AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes } = kafkajs
    await admin.createTopics({ topics: [{ topic: 'not-ours' }], waitForLeaders: true })
    const others = { principal: 'User:others', host: '*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW }
    const owned = (resourceType: number, resourceName: string) => ({
      ...others,
      resourceType,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
    })
    await admin.createAcls({ acl: [owned(AclResourceTypes.GROUP, 'not-ours'), owned(AclResourceTypes.TOPIC, 'not-ours')] })
    const seen = await findings('kafka', { ...login(), CFMR_KAFKA_CONSUMERGROUP: 'not-ours', CFMR_KAFKA_TOPICS: 'log-a,not-ours' }, false)
    expect(seen).toContainEqual(failure('group not-ours cannot be read: Kafka does not let this account do that'))
    expect(seen).toContainEqual(failure('READ on the group of CFMR_KAFKA_CONSUMERGROUP'))
    expect(seen).toContainEqual(
      failure('topic not-ours is not there, or not to be seen: create it, look at CFMR_KAFKA_TOPICS, or give this account DESCRIBE'),
    )
    expect(seen).toContainEqual(expect.objectContaining({ topic: 'log-a', outcome: 'ok' }))
  })

  it('which topics are missing, and creates none', async () => {
    const changes = { CFMR_KAFKA_TOPICS: 'log-a,log-z,/^none/', CFMR_KAFKA_DEADLETTERTOPIC: 'no-such' }
    const seen = await findings('kafka', changes, false)
    expect(seen).toContainEqual(failure('topic log-z is not there'))
    expect(seen).toContainEqual(caution('no topic matches /^none/'))
    expect(seen).toContainEqual(failure('CFMR_KAFKA_DEADLETTERTOPIC'))
    expect(seen).toContainEqual(expect.objectContaining({ topic: 'log-a', outcome: 'ok' }))
    expect(await admin.listTopics()).not.toEqual(expect.arrayContaining([expect.stringMatching(/log-z|no-such/)]))
  })

  it('that messages were deleted before this group read them', async () => {
    await admin.createTopics({ topics: [{ topic: 'kept-short' }], waitForLeaders: true })
    const topic = 'kept-short'
    const producer = new kafkajs.Kafka(kafkaConfig({ brokers: kafka.brokers, clientId: 'test', ssl: false, log })).producer()
    await producer.connect()
    await producer.send({ topic, messages: Array.from({ length: 10 }, (_, i) => ({ value: `${i}` })) })
    await producer.disconnect()
    await admin.setOffsets({ groupId: 'slow', topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] })
    expect(await findings('kafka', { CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_CONSUMERGROUP: 'slow' }, true)).toContainEqual(
      caution('4 messages waiting; 4 messages before them were deleted unread'),
    )
  })
})

describe('of Cloud Foundry, says', () => {
  it('that the account sees no app, and which role it needs', async () => {
    platform.apps = 0
    expect((await findings('cf', {}, false)).at(-1)).toEqual(failure('cloud_controller.global_auditor'))
  })

  it('that the account sees only a part', async () => {
    platform.scopes = ['cloud_controller.read']
    expect(await findings('cf', {}, true)).toContainEqual(caution('cloud_controller.global_auditor'))
  })

  it('that the login is refused', async () => {
    platform.password = 'changed'
    expect((await findings('cf', {}, false)).at(-1)).toEqual(failure('CFMR_CF_PASSWORD'))
  })

  it('that something else answers', async () => {
    platform.root = { hello: 'world' }
    expect(await findings('cf', {}, false)).toEqual([failure('CFMR_CF_API')])
  })

  it('that nobody answers', async () => {
    const [port] = await freePorts(1)
    expect(await findings('cf', { CFMR_CF_API: `http://127.0.0.1:${port}` }, false)).toEqual([failure('CFMR_CF_API')])
  })

  it('that a ready token is over', async () => {
    const token = `e30.${Buffer.from(JSON.stringify({ exp: 1_000_000_000 })).toString('base64url')}.sig`
    const changes = { CFMR_CF_USER: '', CFMR_CF_PASSWORD: '', CFMR_CF_TOKEN: token }
    expect((await findings('cf', changes, false)).at(-1)).toEqual(failure('expired at 2001-09-09'))
  })
})

describe('of InfluxDB, says', () => {
  it.each([
    ['that nobody answers', { CFMR_INFLUXDB_ADDR: 'http://127.0.0.1:1' }, 'CFMR_INFLUXDB_ADDR'],
    ['that the password is wrong', { CFMR_INFLUXDB_PASSWORD: 'wrong-secret' }, 'CFMR_INFLUXDB_PASSWORD'],
    ['which retention policies there are', { CFMR_INFLUXDB_RETENTIONPOLICY: 'forever' }, 'autogen'],
  ])('%s', async (_, changes, message) => {
    expect((await findings('influxdb', changes, false)).at(-1)).toEqual(failure(message))
  })

  it('that the user may read only', async () => {
    await influxdb.query(`CREATE USER "reader" WITH PASSWORD 'wrong-secret'`)
    await influxdb.query('GRANT READ ON "metrics" TO "reader"')
    const reader = { CFMR_INFLUXDB_USERNAME: 'reader', CFMR_INFLUXDB_PASSWORD: 'wrong-secret' }
    expect((await findings('influxdb', reader, false)).at(-1)).toEqual(failure('CFMR_INFLUXDB_USERNAME'))
  })

  it('that the database is missing, and creates none', async () => {
    const seen = await findings('influxdb', { CFMR_INFLUXDB_DATABASE: 'no-such' }, false)
    expect(seen.at(-1)).toEqual(failure('CFMR_INFLUXDB_DATABASE'))
    expect(await influxdb.query('SHOW DATABASES')).toEqual([{ name: 'metrics' }])
  })

  /** As InfluxDB 2.x and 3.x document them. */
  it.each([
    ['2.x takes the empty write for what it is', { status: 400, body: { code: 'invalid', message: 'writing requires points' } }, undefined],
    ['3.x, too', { status: 400, body: { error: 'no data in request' } }, undefined],
    ['a token that is not known', { status: 401, body: { code: 'unauthorized', message: 'unauthorized access' } }, 'CFMR_INFLUXDB_TOKEN'],
    [
      'a token that may not write',
      { status: 403, body: { code: 'forbidden', message: 'insufficient permissions for write' } },
      'CFMR_INFLUXDB_TOKEN',
    ],
    ['no such bucket', { status: 404, body: { code: 'not found', message: 'bucket "metrics" not found' } }, 'CFMR_INFLUXDB_BUCKET'],
    [
      'no such organization',
      { status: 404, body: { code: 'not found', message: 'organization name "ours" not found' } },
      'CFMR_INFLUXDB_ORG',
    ],
  ])('of /api/v2/write: %s', async (_, answer, variable) => {
    const fake = await startFakeInfluxDb()
    onTestFinished(() => fake.close())
    fake.onWrite = () => answer
    const changes = {
      CFMR_INFLUXDB_ADDR: fake.url,
      CFMR_INFLUXDB_DATABASE: '',
      CFMR_INFLUXDB_USERNAME: '',
      CFMR_INFLUXDB_PASSWORD: '',
      CFMR_INFLUXDB_ORG: 'ours',
      CFMR_INFLUXDB_BUCKET: 'metrics',
      CFMR_INFLUXDB_TOKEN: 'wrong-secret',
    }
    const seen = await findings('influxdb', changes, variable === undefined)
    expect(seen.at(-1)).toEqual(variable === undefined ? expect.objectContaining({ check: 'write', outcome: 'ok' }) : failure(variable))
    expect(fake.writes.map(({ lines }) => lines)).toEqual([[]])
  })

  it('that its certificate is not trusted, unless it need not be', async () => {
    const { certificates } = secure
    const server = createTlsServer(
      { key: readFileSync(certificates.serverKeyStore), cert: readFileSync(certificates.serverKeyStore) },
      (_, response) => {
        response.writeHead(204, { 'x-influxdb-version': '1.8.10' }).end()
      },
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const addr = { CFMR_INFLUXDB_ADDR: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }
    try {
      expect(await findings('influxdb', addr, false)).toEqual([failure('CFMR_INFLUXDB_SKIPSSLVALIDATION')])
      expect(await findings('influxdb', { ...addr, CFMR_INFLUXDB_SKIPSSLVALIDATION: 'true' }, true)).toHaveLength(2)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('that the retention policy is there', async () => {
    expect((await findings('influxdb', { CFMR_INFLUXDB_RETENTIONPOLICY: 'autogen' }, true)).at(-1)).toMatchObject({
      check: 'retention_policy',
    })
  })

  it('nothing where points go elsewhere', async () => {
    const unset = Object.fromEntries(['ADDR', 'DATABASE', 'USERNAME', 'PASSWORD'].map((name) => [`CFMR_INFLUXDB_${name}`, '']))
    const elsewhere = { ...unset, CFMR_OUTPUT: 'stdout' }
    expect(await findings('influxdb', elsewhere, true)).toEqual([])
    expect(await findings('stdout', elsewhere, true)).toHaveLength(1)
  })
})
