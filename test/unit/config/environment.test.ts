import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scratchFolder } from '../../../dev/scratch-folder.ts'
import { mistakes, read } from './complete.ts'

describe('names that do not exist', () => {
  test.each([
    ['CFMR_KAFKA_BROKER', 'CFMR_KAFKA_BROKERS'],
    ['CFMR_KAFKA_CONSUMER_GROUP', 'CFMR_KAFKA_CONSUMERGROUP'],
    ['CFMR_INFLUXDB_DATABSE', 'CFMR_INFLUXDB_DATABASE'],
    ['CFMR_LOG_LEVEL', 'CFMR_LOGLEVEL'],
    ['cfmr_loglevel', 'CFMR_LOGLEVEL'],
    ['CMFR_LOGLEVEL', 'CFMR_LOGLEVEL'],
  ])('%s is a mistake that suggests %s and shows no value', (name, suggestion) => {
    const [line, ...others] = mistakes({ [name]: 'hunter2' })
    expect(others).toEqual([])
    expect(line).toMatch(new RegExp(`^${name}: .*did you mean ${suggestion}\\?$`))
    expect(line).not.toContain('hunter2')
  })

  test("other programs' variables are none of ours", () => {
    expect(mistakes({ CF_INSTANCE_GUID: 'x', KAFKA_BROKERS: 'y', CF_API: 'z' })).toEqual([])
  })
})

describe('what is never shown', () => {
  test.each([
    ['CFMR_INFLUXDB_ADDR', 'http://admin:hunter2@influxdb:8086', 'CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD'],
    ['CFMR_INFLUXDB_ADDR', 'http://admin:hunt#er2@influxdb:8086', 'CFMR_INFLUXDB_USERNAME'],
    ['CFMR_CF_API', 'https://admin:hunter2@api.example.com', 'CFMR_CF_USER and CFMR_CF_PASSWORD'],
    ['CFMR_KAFKA_BROKERS', 'kafka:9092,admin:hunter2@kafka:9092', 'CFMR_KAFKA_SASLUSERNAME and CFMR_KAFKA_SASLPASSWORD'],
    ['CFMR_INFLUXDB_ADDR', 'http://influxdb:8086/?u=admin&p=hunter2', 'without anything behind'],
  ])('%s=%s: a line that names the variables for it, without the login', (name, value, hint) => {
    const [line, ...others] = mistakes({ [name]: value })
    expect(others).toEqual([])
    expect(line).toContain(hint)
    expect(line).not.toMatch(/hunt|er2/)
  })

  test('collects the secrets, so that the log can take them out', () => {
    const { secrets } = read({ CFMR_SERVER_PASSWORD: 'for the page' })
    expect(secrets.redact('sesame-open, or for the page')).toBe('***, or ***')
  })
})

describe('VCAP_SERVICES', () => {
  const services = (...credentials: unknown[]) =>
    JSON.stringify({
      'p-mysql': [{ name: 'db', credentials: { CFMR_LOGLEVEL: 'DEBUG' } }],
      'user-provided': credentials.map((each, i) => ({ name: `service-${i}`, credentials: each })),
    })

  test('gives what the environment does not; the environment wins', () => {
    const { cf, kafka } = read({
      CFMR_CF_PASSWORD: undefined,
      CFMR_CF_USER: 'from-env',
      CFMR_KAFKA_TOPICS: '',
      VCAP_SERVICES: services(
        { other: 1 },
        { CFMR_CF_USER: 'x', CFMR_CF_PASSWORD: 'from service', CFMR_KAFKA_TOPICS: ['a', 'b'], CFMR_CF_RETRIES: 5 },
      ),
    })
    expect(cf).toMatchObject({ user: 'from-env', password: 'from service', retries: 5 })
    expect(kafka.topics).toEqual(['a', 'b'])
  })

  test('may be a file, where the platform hands bindings over so', () => {
    const path = join(scratchFolder('bindings'), 'vcap_services')
    writeFileSync(path, services({ CFMR_CF_PASSWORD: 'from a file' }))
    expect(read({ CFMR_CF_PASSWORD: undefined, VCAP_SERVICES_FILE_PATH: path }).cf.password).toBe('from a file')
    const both = { VCAP_SERVICES: services({ CFMR_CF_PASSWORD: 'from the environment' }), VCAP_SERVICES_FILE_PATH: path }
    expect(read({ CFMR_CF_PASSWORD: undefined, ...both }).cf.password).toBe('from the environment')
    expect(mistakes({ VCAP_SERVICES_FILE_PATH: `${path}-none` })).toEqual([
      expect.stringMatching(/^VCAP_SERVICES_FILE_PATH: found .*-none", which cannot be read \(ENOENT.*expected the path of a file$/),
    ])
  })

  test('looks at user-provided services only', () => {
    expect(read({ VCAP_SERVICES: services() }).logLevel).toBe('INFO')
  })

  test.each(['{"user-provided":[{"credentials":{"CFMR_CF_PASSWORD":"hunter2"', '"hunter2"', '{"user-provided":{"CFMR":"hunter2"}}'])(
    '%s is a mistake that shows nothing of it',
    (json) => {
      const found = mistakes({ VCAP_SERVICES: json })
      expect(found).toEqual([expect.stringMatching(/^VCAP_SERVICES: .*expected a JSON object/)])
      expect(found[0]).not.toContain('hunter2')
    },
  )

  test('mistakes in a service name it and show no unknown or secret value', () => {
    const found = mistakes({
      VCAP_SERVICES: services({ CFMR_CF_PASSWROD: 'hunter2', CFMR_CF_TIMEOUT: 60, CFMR_CF_TOKEN: { a: 'hunter2' } }),
    })
    expect(found).toEqual([
      expect.stringMatching(/^CFMR_CF_TOKEN \(of the service "service-0".*found an object/),
      expect.stringMatching(/^CFMR_CF_PASSWROD \(of the service "service-0" in VCAP_SERVICES\).*did you mean CFMR_CF_PASSWORD\?$/),
      expect.stringMatching(/^CFMR_CF_TIMEOUT \(of the service "service-0".*found "60"/),
    ])
    expect(found.join()).not.toContain('hunter2')
  })

  test('two services must not disagree', () => {
    const disagreeing = services({ CFMR_INFLUXDB_PASSWORD: 'hunter2', CFMR_INFLUXDB_USERNAME: 'u' }, { CFMR_INFLUXDB_PASSWORD: 'hunter3' })
    expect(mistakes({ VCAP_SERVICES: disagreeing })).toEqual([
      expect.stringMatching(/^CFMR_INFLUXDB_PASSWORD: .*"service-0" and "service-1"/),
    ])
    expect(mistakes({ VCAP_SERVICES: services({ CFMR_LOGLEVEL: 'WARN' }, { CFMR_LOGLEVEL: 'WARN' }) })).toEqual([])
  })
})
