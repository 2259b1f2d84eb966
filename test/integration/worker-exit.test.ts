import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { freePorts } from '../../dev/free-port.ts'
import { sampleApps } from '../../dev/load/mix.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { type Ended, run } from '../support/program.ts'

describe('a wrong configuration ends with status 2', () => {
  it('and a line for each mistake, without the values of secrets', async () => {
    const { code, stderr, stdout } = await run({
      env: {
        CFMR_KAFKA_BROKERS: 'kafka.example.com',
        CFMR_KAFKA_ZOOKEEPERS: 'zk.example.com:2181',
        CFMR_KAFKA_TOPICS: '/[/',
        CFMR_KAFKA_CONSUMERGROUP: '',
        CFMR_KAFKA_SASLPASSWORD: 'secret-1',
        CFMR_CF_API: 'https://user:secret-2@api.example.com',
        CFMR_CF_TIMEOUT: '30',
        CFMR_INFLUXDB_ADR: 'http://influxdb.example.com:8086',
        CFMR_INFLUXDB_DATABASE: 'cf',
        CFMR_INFLUXDB_BUCKET: 'cf',
        CFMR_INFLUXDB_GZIP: 'yes',
        CFMR_BATCHER_FLUSHMESSAGES: '0',
      },
    })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).not.toMatch(/secret-/)
    const lines = stderr.trimEnd().split('\n')
    for (const name of [
      ...['CFMR_KAFKA_BROKERS', 'CFMR_KAFKA_ZOOKEEPERS', 'CFMR_KAFKA_TOPICS', 'CFMR_KAFKA_CONSUMERGROUP', 'CFMR_KAFKA_SASLMECHANISM'],
      ...[
        'CFMR_CF_API',
        'CFMR_CF_TIMEOUT',
        'CFMR_INFLUXDB_ADR',
        'CFMR_INFLUXDB_BUCKET',
        'CFMR_INFLUXDB_GZIP',
        'CFMR_BATCHER_FLUSHMESSAGES',
      ],
    ]) {
      expect(
        lines.filter((line) => line.includes(` ${name}: `)),
        `${name} in\n${stderr}`,
      ).toHaveLength(1)
    }
    expect(lines.find((line) => line.includes('CFMR_INFLUXDB_ADR:'))).toContain('CFMR_INFLUXDB_ADDR')
    expect(lines.find((line) => line.includes('CFMR_KAFKA_ZOOKEEPERS'))).toContain('CFMR_KAFKA_BROKERS')
  })

  it('of the command line too, and of both together', async () => {
    const [option, command] = await Promise.all([
      run({ args: ['-log-level', 'LOUD'], env: { CFMR_CF_API: 'nowhere' } }),
      run({ args: ['-log-levle=DEBUG', 'relay'], env: {} }),
    ])
    expect([option.code, command.code]).toEqual([2, 2])
    for (const name of ['--log-level', 'CFMR_CF_API', 'CFMR_KAFKA_BROKERS']) expect(option.stderr).toContain(` ${name}: `)
    for (const guess of ['--log-level', 'replay']) expect(command.stderr).toContain(`did you mean ${guess}?`)
  })

  it('-h and -v end with 0, whatever the configuration', async () => {
    const [help, version] = await Promise.all([run({ args: ['-h'], env: { CFMR_X: '1' } }), run({ args: ['--version'], env: {} })])
    expect([help.code, version.code]).toEqual([0, 0])
    expect(help.stdout).toContain('CFMR_KAFKA_BROKERS')
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a server that is not there ends it with status 1 and one ERROR that says which, where, and that nothing is lost', () => {
  let site: Installation
  let topic: string
  let nobody: string
  beforeAll(async () => {
    site = await Installation.open()
    topic = await site.kafka.topic()
    await site.kafka.produce(topic, logEnvelopes(sampleApps()[0]?.app_guid ?? '', 0, 10))
    nobody = `127.0.0.1:${(await freePorts(1))[0]}`
  })
  afterAll(() => site?.close())

  const start = (env: Readonly<Record<string, string>>) =>
    run({ env: { ...(site.env() as Record<string, string>), CFMR_KAFKA_TOPICS: topic, ...env } })
  const login = { CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin', CFMR_CF_RETRIES: '0' }

  function expectOneError({ code, log, stdout }: Ended, ...words: readonly string[]): void {
    const errors = log.filter(({ level }) => level === 'ERROR')
    expect([code, errors.length], stdout).toEqual([1, 1])
    const text = `${errors[0]?.msg} ${errors[0]?.['error']}`
    for (const word of [...words, 'othing is lost']) expect(text).toContain(word)
  }

  it('Kafka', async () => expectOneError(await start({ CFMR_KAFKA_BROKERS: nobody, CFMR_KAFKA_GIVEUP: '2s' }), 'Kafka', nobody))

  it('InfluxDB', async () => {
    const ended = await start({ CFMR_INFLUXDB_ADDR: `http://${nobody}`, CFMR_INFLUXDB_STARTTIMEOUT: '1s' })
    expectOneError(ended, 'InfluxDB', nobody, 'CFMR_INFLUXDB_ADDR')
  })

  it('Cloud Controller', async () => {
    expectOneError(await start({ ...login, CFMR_CF_API: `http://${nobody}` }), 'Cloud Controller', nobody, 'CFMR_CF_API')
  })

  it('UAA, and Cloud Controller with nothing but bad answers, a login that is refused, or no app at all', async () => {
    const cc = await startCloudController({ apps: sampleApps() })
    try {
      const api = { ...login, CFMR_CF_API: cc.url }
      cc.faults.add({ kind: 'token', effect: 'cut' })
      expectOneError(await start(api), 'UAA', cc.url)
      cc.faults.heal()
      cc.faults.add({ kind: 'list', ...ANSWERS.databaseDown })
      expectOneError(await start(api), 'Cloud Controller', cc.url, '503')
      cc.faults.heal()
      const refused = await start({ ...api, CFMR_CF_PASSWORD: 'not-this-one' })
      expectOneError(refused, 'UAA', 'CFMR_CF_PASSWORD')
      expect(refused.stdout).not.toContain('not-this-one')
      cc.platform.visibleApps = 0
      expectOneError(await start(api), 'no app')
    } finally {
      await cc.close()
    }
    expect(await site.kafka.committed(site.group, topic)).toEqual([-1])
    const worker = await site.start({ CFMR_KAFKA_TOPICS: topic })
    await site.committed(worker, topic)
    expect((await site.stored()).log).toBe(10)
  })
})
