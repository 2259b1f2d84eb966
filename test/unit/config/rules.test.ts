import { rootCertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config/config.ts'
import { type Env, mistakes, mistakesOf, read } from './complete.ts'

describe('what a mode needs', () => {
  test('run and check need Kafka, Cloud Controller with a login, and InfluxDB', () => {
    for (const mode of ['run', 'check'] as const) {
      const names = mistakesOf({}, mode).map((line) => line.split(':')[0])
      expect(names).toEqual([
        'CFMR_CF_API',
        'CFMR_KAFKA_BROKERS',
        'CFMR_KAFKA_TOPICS',
        'CFMR_KAFKA_CONSUMERGROUP',
        'CFMR_CF_USER',
        'CFMR_INFLUXDB_ADDR',
        'CFMR_INFLUXDB_DATABASE',
      ])
    }
  })

  test('replay needs no Kafka, stdout no InfluxDB, file: no login', () => {
    const { cf, outputs } = readConfig({ CFMR_CF_API: 'file:package.json', CFMR_OUTPUT: 'stdout' }, 'replay')
    expect(cf).toMatchObject({ api: '', file: 'package.json' })
    expect(outputs.map(({ name }) => name)).toEqual(['stdout'])
  })

  test('a bucket does instead of a database, but not beside it', () => {
    expect(
      read({ CFMR_INFLUXDB_DATABASE: '', CFMR_INFLUXDB_BUCKET: 'b', CFMR_INFLUXDB_TOKEN: 'secret' }).outputs[0]?.settings,
    ).toMatchObject({ bucket: 'b' })
    expect(mistakes({ CFMR_INFLUXDB_BUCKET: 'b' })).toEqual([
      expect.stringMatching(/^CFMR_INFLUXDB_BUCKET: found .* expected one of the two/),
    ])
  })

  test.each([
    [{ CFMR_INFLUXDB_TOKEN: 'secret' }, 'CFMR_INFLUXDB_TOKEN'],
    [{ CFMR_INFLUXDB_ORG: 'o' }, 'CFMR_INFLUXDB_ORG'],
    [{ CFMR_INFLUXDB_DATABASE: '', CFMR_INFLUXDB_BUCKET: 'b', CFMR_INFLUXDB_RETENTIONPOLICY: 'r' }, 'CFMR_INFLUXDB_RETENTIONPOLICY'],
    [{ CFMR_INFLUXDB_USERNAME: 'u' }, 'CFMR_INFLUXDB_PASSWORD'],
    [{ CFMR_INFLUXDB_PASSWORD: 'secret' }, 'CFMR_INFLUXDB_USERNAME'],
    [{ CFMR_CF_USER: '' }, 'CFMR_CF_USER'],
    [{ CFMR_CF_PASSWORD: '' }, 'CFMR_CF_PASSWORD'],
    [{ CFMR_CF_USER: '', CFMR_CF_PASSWORD: '', CFMR_CF_CLIENTID: 'c' }, 'CFMR_CF_CLIENTSECRET'],
    [{ CFMR_CF_CLIENTSECRET: 'secret' }, 'CFMR_CF_CLIENTID'],
    [{ CFMR_CF_APIVERSION: 'v2', CFMR_CF_RESULTSPERPAGE: '101' }, 'CFMR_CF_RESULTSPERPAGE'],
    [{ CFMR_KAFKA_SASLMECHANISM: 'plain', CFMR_KAFKA_SASLUSERNAME: 'u' }, 'CFMR_KAFKA_SASLPASSWORD'],
    [{ CFMR_KAFKA_SASLMECHANISM: 'plain', CFMR_KAFKA_SASLPASSWORD: 'secret' }, 'CFMR_KAFKA_SASLUSERNAME'],
    [{ CFMR_KAFKA_SASLUSERNAME: 'u', CFMR_KAFKA_SASLPASSWORD: 'secret' }, 'CFMR_KAFKA_SASLMECHANISM'],
    [{ CFMR_KAFKA_SKIPSSLVALIDATION: 'true' }, 'CFMR_KAFKA_SKIPSSLVALIDATION'],
    [{ CFMR_KAFKA_ZOOKEEPERS: 'zk:2181' }, 'CFMR_KAFKA_ZOOKEEPERS'],
    [{ CFMR_SERVER_PROFILING: 'true' }, 'CFMR_SERVER_PASSWORD'],
    [{ CFMR_SERVER_USERNAME: 'me' }, 'CFMR_SERVER_PASSWORD'],
    [{ CFMR_SERVER_USERNAME: 'a:b', CFMR_SERVER_PASSWORD: 'secret' }, 'CFMR_SERVER_USERNAME'],
    [{ PORT: 'http' }, 'PORT'],
  ] satisfies [Env, string][])('%j is a mistake of %s', (changes, name) => {
    expect(mistakes(changes)).toEqual([expect.stringMatching(new RegExp(`^${name}: .*expected `))])
  })

  test.each([
    { CFMR_CF_USER: '', CFMR_CF_PASSWORD: '', CFMR_CF_CLIENTID: 'c', CFMR_CF_CLIENTSECRET: 's' },
    { CFMR_CF_CLIENTID: 'c' },
    { CFMR_CF_USER: '', CFMR_CF_PASSWORD: '', CFMR_CF_TOKEN: 't' },
    { CFMR_CF_TOKEN: 't' },
  ] satisfies Env[])('logs in with %j', (changes) => {
    expect(mistakes(changes)).toEqual([])
  })

  test('v2 fetches 100 apps a page unless told otherwise', () => {
    expect(read({ CFMR_CF_APIVERSION: 'v2' }).cf.resultsPerPage).toBe(100)
    expect(read({ CFMR_CF_APIVERSION: 'v2', CFMR_CF_RESULTSPERPAGE: '50' }).cf.resultsPerPage).toBe(50)
  })

  test('the line for ZooKeeper says what to set instead', () => {
    expect(mistakes({ CFMR_KAFKA_ZOOKEEPERS: 'zk:2181' })[0]).toContain('set CFMR_KAFKA_BROKERS')
  })
})

describe('what belongs to an output', () => {
  test('may not be set where the output is not chosen, but for replay, which may be told to write elsewhere', () => {
    const env = { CFMR_OUTPUT: 'stdout' }
    expect(mistakes(env)).toEqual([
      'CFMR_INFLUXDB_ADDR: found a value without influxdb in CFMR_OUTPUT, expected none, or influxdb among the outputs',
      'CFMR_INFLUXDB_DATABASE: found a value without influxdb in CFMR_OUTPUT, expected none, or influxdb among the outputs',
    ])
    expect(read(env, 'replay').outputs).toHaveLength(1)
  })

  test('outputs stand in the order in which they are chosen', () => {
    expect(read({ CFMR_OUTPUT: 'stdout, InfluxDB' }).outputs.map(({ name }) => name)).toEqual(['stdout', 'influxdb'])
  })
})

describe('what belongs to Kafka', () => {
  const own = { CFMR_KAFKAOUTPUT_TOPIC: 'out', CFMR_OUTPUT: 'kafka', CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '' }

  test('an input that is not known is named, with those that are', () => {
    expect(mistakes({ CFMR_INPUT: 'kafak' })).toEqual([expect.stringMatching(/^CFMR_INPUT: found "kafak", expected .*kafka/)])
  })

  const noInput = { CFMR_INPUT: 'firehose', CFMR_KAFKA_BROKERS: '', CFMR_KAFKA_TOPICS: '', CFMR_KAFKA_CONSUMERGROUP: '' }

  test('without it among the inputs, an output without brokers of its own lacks them, or takes those of the connection', () => {
    const problem = 'CFMR_KAFKAOUTPUT_BROKERS: not set, expected a list of host:port, since no input has brokers'
    expect(mistakes({ ...own, ...noInput })).toEqual([problem])
    expect(mistakes({ ...own, ...noInput, CFMR_KAFKA_BROKERS: 'kafka-1:9092' })).toEqual([])
    expect(mistakes({ ...own, ...noInput, CFMR_KAFKAOUTPUT_BROKERS: 'kafka-1:9092' })).toEqual([])
  })

  test('without it among the inputs, dead letters need its brokers, and nothing else does', () => {
    const letters = { ...noInput, CFMR_KAFKA_DEADLETTERTOPIC: 'dead' }
    expect(mistakes(letters)).toEqual(['CFMR_KAFKA_BROKERS: not set, expected a list of host:port with CFMR_KAFKA_DEADLETTERTOPIC'])
    expect(mistakes({ ...letters, CFMR_KAFKA_BROKERS: 'kafka-1:9092' })).toEqual([])
    expect(mistakes({ ...noInput, CFMR_KAFKA_BROKERS: 'kafka-1:9092' })).toEqual([
      'CFMR_KAFKA_BROKERS: found a value, expected none where neither an input, an output nor dead letters use this Kafka',
    ])
  })

  test('an envelope is passed on as it came where what is read are envelopes, and nowhere else', () => {
    const envelopes = { ...own, CFMR_KAFKAOUTPUT_FORMAT: 'envelope' }
    const problem = expect.stringMatching(/^CFMR_KAFKAOUTPUT_FORMAT: found "envelope", expected "document" with docker in CFMR_INPUT: /)
    expect(mistakes({ ...envelopes, CFMR_INPUT: 'kafka, docker' })).toEqual([problem])
    expect(mistakes({ ...own, CFMR_INPUT: 'kafka, docker' })).toEqual([])
    expect(mistakes({ ...envelopes, ...noInput, CFMR_KAFKA_BROKERS: 'kafka-1:9092' })).toEqual([])
    expect(mistakes(envelopes)).toEqual([])
  })

  test('brokers are missed once, by what reads', () => {
    expect(mistakes({ ...own, CFMR_KAFKA_BROKERS: '' })).toEqual(['CFMR_KAFKA_BROKERS: not set, expected a list of host:port'])
  })
})

test('a folder for positions is for inputs that keep any, and no matter of replay', () => {
  const state = { CFMR_STATE: '/var/lib/refinery' }
  expect(mistakes(state)).toEqual(['CFMR_STATE: found a value, expected none without docker in CFMR_INPUT'])
  expect(mistakes({ ...state, CFMR_INPUT: 'kafka,docker' })).toEqual([])
  expect(mistakes({ ...state, CFMR_INPUT: 'docker' }, 'replay')).toEqual([])
})

test('DOCKER_HOST is looked at where docker is read and CFMR_DOCKER_HOST does not stand above it, and shows no login', () => {
  const docker = { CFMR_INPUT: 'docker', CFMR_KAFKA_BROKERS: '', CFMR_KAFKA_TOPICS: '', CFMR_KAFKA_CONSUMERGROUP: '' }
  const expected = "expected the engine's address, such as unix:///var/run/docker.sock or tcp://docker.example.com:2376"
  const problem = (found: string) => `DOCKER_HOST: found ${found}, ${expected}; CFMR_DOCKER_HOST stands above it`
  expect(mistakes({ ...docker, DOCKER_HOST: 'ssh://host' })).toContain(problem('"ssh://host"'))
  expect(mistakes({ ...docker, DOCKER_HOST: 'tcp://user:secret@host' }).join()).not.toContain('secret')
  for (const right of [{ DOCKER_HOST: 'ssh://host', CFMR_DOCKER_HOST: 'tcp://host' }, { DOCKER_HOST: 'tcp://host' }, {}])
    expect(mistakes({ ...docker, ...right }).filter((line) => line.startsWith('DOCKER_HOST'))).toEqual([])
  expect(mistakes({ DOCKER_HOST: 'nonsense' })).toEqual([])
  expect(mistakes({ ...docker, CFMR_DOCKER_TLSCA: rootCertificates[0] })).toContain(
    'CFMR_DOCKER_TLSCA: found a value, expected none with a socket',
  )
})

test('a limit has two names, of which one may be set', () => {
  expect(read({ CFMR_KAFKA_MAXINFLIGHT: '7' }).limits.maxInFlight).toBe(7)
  expect(read({ CFMR_MAXINFLIGHTBYTES: '9' }).limits.maxInFlightBytes).toBe(9)
  expect(mistakes({ CFMR_PROCESSINGTIMEOUT: '1s', CFMR_KAFKA_PROCESSINGTIMEOUT: '1s' })).toEqual([
    'CFMR_KAFKA_PROCESSINGTIMEOUT: found a value beside CFMR_PROCESSINGTIMEOUT, expected one of the two: they are names of the same',
  ])
})
