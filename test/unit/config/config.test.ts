import { describe, expect, test } from 'vitest'
import { mistakes, read } from './complete.ts'

describe('configuration', () => {
  test('takes its defaults from the table', () => {
    const config = read()
    const kafka = {
      brokers: ['kafka-1:9092', 'kafka-2:9093'],
      topics: ['http', 'logs'],
      ssl: false,
      skipSslValidation: false,
      clientId: 'cf-metrics-refinery-0',
    }
    const limits = { maxInFlight: 100_000, maxInFlightBytes: 33_554_432, processingTimeoutMs: 8000 }
    expect([config.kafka, config.limits]).toEqual([kafka, limits])
    expect(config.inputs.map(({ name, settings }) => [name, settings])).toEqual([
      [
        'kafka',
        {
          ...kafka,
          topicRefreshMs: 60_000,
          consumerGroup: 'refinery',
          offsetNewest: false,
          sessionTimeoutMs: 20_000,
          giveUpMs: 300_000,
          limits,
        },
      ],
    ])
    expect(config.cf).toEqual({
      api: 'https://api.example.com',
      user: 'auditor',
      password: 'sesame-open',
      apiVersion: 'v3',
      timeoutMs: 60_000,
      retries: 2,
      skipSslValidation: false,
      resultsPerPage: 500,
    })
    expect(config.metadata).toEqual({
      refreshMs: 600_000,
      expireMs: 180_000,
      expireCheckMs: 60_000,
      cacheSize: 100_000,
      negativeExpireMs: 1_200_000,
      negativeExpireCheckMs: 180_000,
      negativeCacheSize: 100_000,
      notFound: 'discard',
    })
    expect(config.outputs.map(({ name }) => name)).toEqual(['influxdb'])
    expect(config.outputs[0]?.settings).toEqual({
      addr: 'http://influxdb:8086',
      database: 'cf',
      timeoutMs: 60_000,
      pingTimeoutMs: 5000,
      startTimeoutMs: 30_000,
      skipSslValidation: false,
      gzip: false,
      maxWrites: 2,
      backslash: 'auto',
      uniqueTimestamps: false,
      flushRetries: 3,
    })
    expect(config.batcher).toEqual({ flushIntervalMs: 3000, flushMessages: 5000, flushRetries: 3 })
    expect(config.server).toEqual({ port: 8080, username: 'cfmr', profiling: false })
    expect(config).toMatchObject({ logLevel: 'INFO', instanceIndex: 0, warnings: [] })
  })

  test('takes an empty value for an unset one', () => {
    expect(read({ CFMR_LOGLEVEL: '', CFMR_CF_TIMEOUT: ' ', CFMR_KAFKA_ZOOKEEPERS: '' }).logLevel).toBe('INFO')
    expect(mistakes({ CFMR_KAFKA_BROKERS: '' })).toEqual([expect.stringContaining('CFMR_KAFKA_BROKERS: not set')])
  })

  test('reports every mistake at once, each on one line', () => {
    const found = mistakes({
      CFMR_KAFKA_BROKERS: undefined,
      CFMR_KAFKA_TOPICS: 'a b',
      CFMR_CF_TIMEOUT: '60',
      CFMR_INFLUXDB_GZIP: 'maybe\nnot',
      CFMR_BATCHER_FLUSHMESSAGES: '0',
      CFMR_NOTFOUND: 'keep',
      CFMR_KAFKA_BROKER: 'x',
    })
    expect(found).toHaveLength(7)
    for (const line of found) expect(line).toMatch(/^CFMR_\w+: .*expected .*$/)
  })

  test.each([
    ['1', true],
    ['t', true],
    ['T', true],
    ['TRUE', true],
    ['true', true],
    ['True', true],
    ['0', false],
    ['f', false],
    ['F', false],
    ['FALSE', false],
    ['false', false],
    ['False', false],
  ])('reads the boolean %s', (text, value) => {
    expect(read({ CFMR_KAFKA_OFFSETNEWEST: text }).inputs[0]?.settings).toMatchObject({ offsetNewest: value })
  })

  test.each([
    ['CFMR_INFLUXDB_GZIP', 'yes', 'true or false'],
    ['CFMR_INFLUXDB_GZIP', 'tRUE', 'true or false'],
    ['CFMR_CF_TIMEOUT', '60', 'a unit behind the number, such as 60s'],
    ['CFMR_CF_TIMEOUT', '1d', 'a duration such as'],
    ['CFMR_CF_TIMEOUT', '-5s', 'more than 0'],
    ['CFMR_CF_TIMEOUT', '0', 'more than 0'],
    ['CFMR_KAFKA_SESSIONTIMEOUT', '5s', '6s to 30m'],
    ['CFMR_KAFKA_SESSIONTIMEOUT', '31m', '6s to 30m'],
    ['CFMR_KAFKA_MAXINFLIGHT', '0', '1 or more'],
    ['CFMR_KAFKA_MAXINFLIGHTBYTES', '32M', 'a whole number'],
    ['CFMR_BATCHER_FLUSHMESSAGES', '5.5', 'a whole number'],
    ['CFMR_BATCHER_FLUSHRETRIES', '-2', '-1 to'],
    ['CFMR_CF_RESULTSPERPAGE', '5001', '1 to 5000'],
    ['CFMR_SERVER_PORT', ':8080', '0 to 65535'],
    ['CFMR_SERVER_PORT', '65536', '0 to 65535'],
    ['CFMR_LOGLEVEL', 'VERBOSE', 'DEBUG, INFO, WARN or ERROR'],
    ['CFMR_OUTPUT', 'nowhere', 'one or several of influxdb, '],
    ['CFMR_OUTPUT', 'stdout,stdout', 'each once'],
    ['CFMR_NOTFOUND', 'drop', 'discard or write'],
    ['CFMR_CF_APIVERSION', 'v4', 'v3 or v2'],
    ['CFMR_KAFKA_SASLMECHANISM', 'gssapi', 'plain, scram-sha-256 or scram-sha-512'],
    ['CFMR_KAFKA_BROKERS', 'kafka-1', 'host:port'],
    ['CFMR_KAFKA_BROKERS', 'kafka-1:0', 'host:port'],
    ['CFMR_KAFKA_BROKERS', 'ssl://kafka-1:9092', 'without a scheme'],
    ['CFMR_KAFKA_BROKERS', 'kafka-1:9092,,kafka-2:9092', 'entry 2 is empty'],
    ['CFMR_KAFKA_BROKERS', 'kafka-1:9092;kafka-2:9092', 'host:port'],
    ['CFMR_KAFKA_TOPICS', 'a,', 'entry 2 is empty'],
    ['CFMR_KAFKA_TOPICS', 'log-*', 'between slashes'],
    ['CFMR_KAFKA_TOPICS', '/^log', 'at the end of a pattern'],
    ['CFMR_KAFKA_TOPICS', '/^log/i', 'at the end of a pattern'],
    ['CFMR_KAFKA_TOPICS', '/(/', 'a regular expression'],
    ['CFMR_KAFKA_TOPICS', '//', 'between the slashes'],
    ['CFMR_KAFKA_TOPICS', '..', "a topic's name"],
    ['CFMR_KAFKA_TOPICS', 'x'.repeat(250), "a topic's name"],
    ['CFMR_KAFKA_DEADLETTERTOPIC', 'dead letters', "a topic's name"],
    ['CFMR_CF_API', 'api.example.com', 'begins with http:// or https://'],
    ['CFMR_CF_API', 'https://api.example.com/v3', 'without /v2 or /v3'],
    ['CFMR_CF_API', 'https://api example.com', 'a URL such as'],
    ['CFMR_CF_API', 'file:', 'a path behind file:'],
    ['CFMR_CF_API', 'file:/no/such/file.json', 'a file that can be read (ENOENT)'],
    ['CFMR_INFLUXDB_ADDR', 'udp://influxdb:8089', 'begins with http:// or https://'],
    ['CFMR_INFLUXDB_ADDR', 'http://influxdb:8086/#', 'without anything behind ? or #'],
    ['CFMR_KAFKA_SSLCA', '/no/such/ca.pem', 'ENOENT'],
    ['CFMR_KAFKA_SSLCA', '-----BEGIN CERTIFICATE-----\nabc', 'PEM text with a certificate'],
  ])('refuses %s=%s: expected %s', (name, value, expected) => {
    const [line, ...others] = mistakes({ [name]: value, ...(name === 'CFMR_KAFKA_SSLCA' && { CFMR_KAFKA_SSL: 'true' }) }).filter(
      (mistake) => !mistake.startsWith('CFMR_KAFKA_SASL') || name === 'CFMR_KAFKA_SASLMECHANISM',
    )
    expect(line).toContain(`${name}: found `)
    expect(line).toContain(expected)
    expect(others.filter((other) => other.startsWith(`${name}:`))).toEqual([])
  })

  test('rounds a duration up to whole milliseconds, and never beyond what timers can wait', () => {
    const { cf, metadata } = read({ CFMR_CF_TIMEOUT: '100us', CFMR_METADATAREFRESH: '8760h' })
    expect(cf.timeoutMs).toBe(1)
    expect(metadata.refreshMs).toBe(2 ** 31 - 1)
  })

  test('reads words in any case', () => {
    const config = read({
      CFMR_LOGLEVEL: 'debug',
      CFMR_CF_APIVERSION: 'V2',
      CFMR_KAFKA_SASLMECHANISM: 'SCRAM-SHA-512',
      CFMR_KAFKA_SASLUSERNAME: 'u',
      CFMR_KAFKA_SASLPASSWORD: 'p',
    })
    expect([config.logLevel, config.cf.apiVersion, config.kafka.saslMechanism]).toEqual(['DEBUG', 'v2', 'scram-sha-512'])
  })

  test('keeps passwords to the letter, but no line break', () => {
    expect(read({ CFMR_CF_PASSWORD: ' a,b " ' }).cf.password).toBe(' a,b " ')
    expect(mistakes({ CFMR_CF_PASSWORD: 'hunter2\n' })).toEqual([
      'CFMR_CF_PASSWORD: found a value that is not shown, expected text without line breaks or other control characters',
    ])
  })

  test('takes a token as cf oauth-token prints it', () => {
    expect(read({ CFMR_CF_TOKEN: 'bearer abc.def\n' }).cf.token).toBe('abc.def')
  })
})

describe('topics', () => {
  test('an entry between slashes is a pattern, and a comma in it belongs to it', () => {
    const { topics } = read({ CFMR_KAFKA_TOPICS: ' plain , /^log-[a-z]{1,3}$/ ,/a\\/b/, /x,y/,__named' }).kafka
    expect(topics).toEqual(['plain', /^log-[a-z]{1,3}$/, /a\/b/, /x,y/, '__named'])
  })

  test('a topic given twice is read once', () => {
    expect(read({ CFMR_KAFKA_TOPICS: 'a,b,a' }).kafka.topics).toEqual(['a', 'b'])
  })

  test('the dead-letter topic may not be among them', () => {
    expect(mistakes({ CFMR_KAFKA_DEADLETTERTOPIC: 'logs' })).toEqual([
      'CFMR_KAFKA_DEADLETTERTOPIC: found "logs", expected a topic that is not among CFMR_KAFKA_TOPICS',
    ])
    expect(mistakes({ CFMR_KAFKA_DEADLETTERTOPIC: 'dead', CFMR_KAFKA_TOPICS: '/d/' })).toEqual([])
  })
})
