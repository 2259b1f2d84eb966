import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { KafkaTester } from '../support/kafka.ts'
import { run } from '../support/program.ts'
import { shared } from '../support/shared.ts'
import { sampleAppsApi } from '../support/worker.ts'

let server: KafkaServer
let kafka: KafkaTester

beforeAll(async () => {
  server = await startKafka({ secure: true, properties: { 'sasl.enabled.mechanisms': 'SCRAM-SHA-512' } })
  kafka = await KafkaTester.connect(server)
})

afterAll(async () => {
  await kafka?.close()
  await server?.close()
})

it('a wrong certificate, password or mechanism: exit 1 at once, with one ERROR that says which', async () => {
  const topic = await kafka.topic()
  await kafka.produce(topic, ['{}'])
  const { saslBrokers = [], username = '', password = '', certificates } = server.secure ?? {}
  const right = {
    CFMR_KAFKA_BROKERS: saslBrokers.join(','),
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_CONSUMERGROUP: 'refinery',
    CFMR_KAFKA_GIVEUP: '1h',
    CFMR_KAFKA_SSL: 'true',
    CFMR_KAFKA_SSLCA: certificates?.ca,
    CFMR_KAFKA_SASLMECHANISM: 'scram-sha-512',
    CFMR_KAFKA_SASLUSERNAME: username,
    CFMR_KAFKA_SASLPASSWORD: password,
    CFMR_INFLUXDB_ADDR: (await shared('influxdb')).url,
    CFMR_INFLUXDB_DATABASE: 'nobody writes there',
    CFMR_CF_API: sampleAppsApi,
  }
  for (const [name, wrong] of [
    ['CFMR_KAFKA_SSLCA', certificates?.otherCa],
    ['CFMR_KAFKA_SASLPASSWORD', 'not-this-one'],
    ['CFMR_KAFKA_SASLMECHANISM', 'scram-sha-256'],
  ] as const) {
    const { code, log, stdout } = await run({ env: { ...right, [name]: wrong } })
    const errors = log.filter(({ level }) => level === 'ERROR')
    expect([code, errors.length], stdout).toEqual([1, 1])
    expect(errors[0]).toMatchObject({ msg: 'Cannot go on', error: expect.stringContaining(name) })
    expect(errors[0]?.['error']).toContain('Nothing is lost')
    expect(stdout).not.toContain(password)
    expect(stdout).not.toContain('not-this-one')
  }
  expect(await kafka.committed('refinery', topic)).toEqual([-1])
})
