import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { startVictoriaMetrics } from '../../dev/victoria-metrics.ts'
import { Installation } from '../support/installation.ts'
import { shared, uniqueName } from '../support/shared.ts'

const mix = loadMix()

describe.each(['kafka', 'kafka-3.9.1'] as const)('from %s', (name) => {
  let site: Installation
  beforeAll(async () => {
    site = await Installation.open(name)
  })
  afterAll(() => site?.close())

  it('several topics, one for each compression, are stored in InfluxDB point by point, then committed', async () => {
    const { kafka } = site
    const topics: { topic: string; partitions: number }[] = []
    for (const compression of ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const topic = await kafka.topic({ topic: uniqueName(compression), partitions: 2, config: { 'compression.type': compression } })
      topics.push({ topic, partitions: 2 })
    }
    const load = new Load({ kafka: kafka.client, topics, mix, count: 10_000 })
    await load.done
    const names = topics.map(({ topic }) => topic)
    expect((await Promise.all(names.map((topic) => kafka.ends(topic)))).flat().every((end) => end > 0)).toBe(true)

    const worker = await site.start({ CFMR_KAFKA_TOPICS: names.join(', ') })
    await site.committed(worker, ...names)
    const { discarded, ...points } = load.sent
    expect(await site.stored()).toEqual(points)
    const { ledger, kafka: figures } = await worker.stats()
    expect(ledger).toMatchObject({ consumed: 10_000, written: load.pointCount, discarded, in_flight: 0, residue: 0 })
    expect(figures.partitions).toHaveLength(10)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  })
})

describe('with Kafka behind a login and TLS', () => {
  let site: Installation
  let topic: string
  beforeAll(async () => {
    site = await Installation.open()
    topic = await site.kafka.topic()
    await new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 1 }], mix, count: 100 }).done
  })
  afterAll(() => site?.close())

  const secure = async () => (await shared('kafka')).secure as NonNullable<Awaited<ReturnType<typeof shared<'kafka'>>>['secure']>
  const login = async () => {
    const { saslBrokers, username, password, certificates } = await secure()
    return {
      CFMR_KAFKA_BROKERS: saslBrokers.join(','),
      CFMR_KAFKA_TOPICS: topic,
      CFMR_KAFKA_SSL: 'true',
      CFMR_KAFKA_SSLCA: certificates.ca,
      CFMR_KAFKA_SASLMECHANISM: 'scram-sha-512',
      CFMR_KAFKA_SASLUSERNAME: username,
      CFMR_KAFKA_SASLPASSWORD: password,
    }
  }

  it('reads by SCRAM with a CA of its own', async () => {
    const worker = await site.start(await login())
    await site.committed(worker, topic)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  })

  it('reads with a client certificate, the CA as PEM text', async () => {
    const { tlsBrokers, certificates } = await secure()
    const group = uniqueName('group')
    const worker = await site.start({
      CFMR_KAFKA_BROKERS: tlsBrokers.join(','),
      CFMR_KAFKA_TOPICS: topic,
      CFMR_KAFKA_CONSUMERGROUP: group,
      CFMR_KAFKA_SSL: 'true',
      CFMR_KAFKA_SSLCA: readFileSync(certificates.ca, 'utf8'),
      CFMR_KAFKA_SSLCERT: certificates.clientCertificate,
      CFMR_KAFKA_SSLKEY: certificates.clientKey,
    })
    await worker.waitUntil('all is committed', async () => (await site.kafka.lag(group, topic)) === 0)
  })

  it.each([
    ['certificate', 'CFMR_KAFKA_SSLCA', async () => ({ CFMR_KAFKA_SSLCA: (await secure()).certificates.otherCa })],
    ['password', 'CFMR_KAFKA_SASLPASSWORD', async () => ({ CFMR_KAFKA_SASLPASSWORD: 'not-this-one' })],
  ])('a wrong %s ends it at once, with an ERROR that says so', async (_, variable, change) => {
    const worker = await site.start({ ...(await login()), ...(await change()), CFMR_KAFKA_CONSUMERGROUP: uniqueName('group') })
    expect(await worker.exited).toEqual({ code: 1, signal: undefined })
    const errors = worker.log.filter(({ level }) => level === 'ERROR')
    expect(errors).toHaveLength(1)
    expect(errors[0]?.['error']).toContain(variable)
    expect(errors[0]?.['error']).toContain('Nothing is lost')
    expect(worker.logTail()).not.toMatch(/not-this-one|scram-secret/)
  })
})

it('VictoriaMetrics has every point through /api/v2/write', async () => {
  const site = await Installation.open()
  const victoria = await startVictoriaMetrics()
  try {
    const topic = await site.kafka.topic({ partitions: 2 })
    const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, count: 4000 })
    await load.done
    const worker = await site.start({
      CFMR_KAFKA_TOPICS: topic,
      CFMR_INFLUXDB_ADDR: victoria.url,
      CFMR_INFLUXDB_DATABASE: undefined,
      CFMR_INFLUXDB_BUCKET: 'metrics',
      CFMR_INFLUXDB_ORG: 'any',
      CFMR_INFLUXDB_TOKEN: 'token',
      CFMR_INFLUXDB_GZIP: 'true',
    })
    await site.committed(worker, topic)
    const points = async (name: string) => (await victoria.exported(name)).reduce((sum, { values }) => sum + values.length, 0)
    const { discarded: _, ...sent } = load.sent
    expect({
      http_request: await points('http_request_count'),
      log: await points('log_count'),
      instance: await points('instance_cpu'),
    }).toEqual(sent)
  } finally {
    await victoria.close()
    await site.close()
  }
})
