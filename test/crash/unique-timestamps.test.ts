import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sampleApps } from '../../dev/load/mix.ts'
import { expectLedger, firstNs, Scene } from './scene.ts'

const [app] = sampleApps()
/** Equal but for the payload, so they are of one series and one nanosecond. */
const envelope = (payload: string) => {
  const log = `{"message":"${Buffer.from(payload).toString('base64')}","message_type":1,"timestamp":${firstNs},"app_id":"${app?.app_guid}","source_type":"APP","source_instance":"0"}`
  return Buffer.from(`{"origin":"rep","eventType":5,"timestamp":${firstNs},"logMessage":${log}}`)
}
const first = envelope('one')
const second = envelope('two')

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

it('two events of one series in one nanosecond are one point, and two with CFMR_INFLUXDB_UNIQUETIMESTAMPS; a copy is never another', async () => {
  expect(crc32(first) % 1000).not.toBe(crc32(second) % 1000)
  await scene.kafka.produce(scene.topic, [first, second, first])
  const plain = await scene.start()
  await scene.allCommitted(plain)
  await expectLedger(plain, { consumed: 3, written: 3 })
  expect(await scene.influxDb.count(scene.database, 'log', 'count')).toBe(1)

  await scene.influxDb.query('DROP MEASUREMENT "log"', scene.database)
  for (const group of ['unique-1', 'unique-2']) {
    const env = { CFMR_KAFKA_CONSUMERGROUP: `${scene.group}-${group}`, CFMR_INFLUXDB_UNIQUETIMESTAMPS: 'true' }
    const worker = await scene.start(env)
    await worker.waitUntil('all is written', async () => (await worker.stats()).ledger.written === 3)
    expect(await scene.influxDb.count(scene.database, 'log', 'count')).toBe(2)
  }
})
