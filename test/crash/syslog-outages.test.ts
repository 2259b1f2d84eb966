import { afterEach, beforeEach, expect, it } from 'vitest'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { type RsyslogServer, startRsyslog } from '../../dev/rsyslog.ts'
import { Installation } from '../support/installation.ts'

const mix = loadMix()
let server: RsyslogServer
let site: Installation

beforeEach(async () => {
  server = await startRsyslog()
  site = await Installation.open()
})
afterEach(async () => {
  await server?.close()
  await site?.close()
})

/** The log lines that arrived, each once. */
function arrived(): ReadonlySet<string> {
  const whole = server.messages().filter((message) => message.startsWith('<'))
  return new Set(whole.map((message) => /event_id="([\w-]{22})"/.exec(message)?.[1] ?? message))
}

it('over RELP nothing is lost where the receiver and the worker are killed in turn', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 2000 })
  const env = {
    CFMR_OUTPUT: 'syslog',
    CFMR_INFLUXDB_ADDR: '',
    CFMR_INFLUXDB_DATABASE: '',
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_SYSLOG_URL: `relp://127.0.0.1:${server.ports.relp}`,
    CFMR_BATCHER_FLUSHINTERVAL: '100ms',
    CFMR_BATCHER_FLUSHRETRIES: -1,
  }
  for (let kills = 0; kills < 3; kills++) {
    const worker = await site.start(env)
    const records = async () => (await worker.stats().catch(() => undefined))?.outputs['syslog']?.records ?? 0
    for (let outages = 0; outages < 2; outages++) {
      const before = await records()
      await worker.waitUntil('it sends', async () => (await records()) > before + 300)
      await server.kill()
      await worker.waitUntil('it says so', async () => /cannot|closed|ECONN/.test((await worker.get('/readyz')).body))
      await server.restart()
    }
    const before = await records()
    await worker.waitUntil('it sends again', async () => (await records()) > before + 300)
    await worker.kill()
  }
  await load.stop()
  const last = await site.start(env)
  await site.committed(last, topic)
  expect(arrived().size).toBe(load.sent.log)
  expect((await last.stats()).ledger).toMatchObject({ in_flight: 0, residue: 0, refused: 0 })
  expect(await last.stop()).toEqual({ code: 0, signal: undefined })
})

it('over TCP, where nobody acknowledges, the last window is sent again when the receiver was killed; how much is lost is said', async ({
  annotate,
}) => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 2000 })
  const worker = await site.start({
    CFMR_OUTPUT: 'syslog',
    CFMR_INFLUXDB_ADDR: '',
    CFMR_INFLUXDB_DATABASE: '',
    CFMR_KAFKA_TOPICS: topic,
    CFMR_SYSLOG_URL: `tcp://127.0.0.1:${server.ports.tcp}`,
    CFMR_BATCHER_FLUSHINTERVAL: '100ms',
    CFMR_BATCHER_FLUSHRETRIES: -1,
  })
  const records = async () => (await worker.stats().catch(() => undefined))?.outputs['syslog']?.records ?? 0
  for (let outages = 0; outages < 5; outages++) {
    const before = await records()
    await worker.waitUntil('it sends', async () => (await records()) > before + 1000)
    await server.kill()
    await worker.waitUntil('it says so', async () => /ECONN|closed/.test((await worker.get('/readyz')).body))
    await server.restart()
  }
  await load.stop()
  await site.committed(worker, topic)
  const { ledger, outputs } = await worker.stats()
  expect(outputs['syslog']).toMatchObject({ ack: 'handed over', records: load.sent.log, in_flight: 0 })
  expect(ledger).toMatchObject({ in_flight: 0, residue: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  const repeated = outputs['syslog']?.['repeated'] as number
  expect(repeated).toBeGreaterThan(0)
  // What the receiver's system had taken and it had not read may be more than a window.
  await expect.poll(() => arrived().size).toBeGreaterThan(load.sent.log / 2)
  const lost = load.sent.log - arrived().size
  await annotate(`${lost} of ${load.sent.log} messages lost in five kills, ${repeated} sent again`)
})
