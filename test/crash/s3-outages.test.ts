import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type AgeKey, debianAge } from '../../dev/age.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import { type S3Server, startS3Server } from '../../dev/s3-server.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { Installation } from '../support/installation.ts'
import { kindsOf, readObjects, s3Env } from '../support/s3-output.ts'
import { uniqueName } from '../support/shared.ts'

const mix = loadMix()
let server: S3Server
let key: AgeKey
let site: Installation
let bucket: string

beforeAll(async () => {
  server = await startS3Server()
  key = (await debianAge()).keygen(scratchFolder('s3-outages'), 'key')
})
afterAll(() => server?.close())
beforeEach(async () => {
  site = await Installation.open()
  bucket = uniqueName('bucket')
  server.makeBucket(bucket)
})
afterEach(() => site?.close())

it('kill -9 in the middle, again and again: every event is in an object, and decrypt prints each once', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 2000 })
  const env = s3Env(server, bucket, {
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_S3_OBJECTAGE: '200ms',
    CFMR_S3_RECIPIENTS: JSON.stringify({ '*': [key.recipient] }),
  })
  for (let kills = 0; kills < 2; kills++) {
    const worker = await site.start(env)
    const stored = async () => (await worker.stats().catch(() => undefined))?.outputs['s3']?.records ?? 0
    await worker.waitUntil('objects are put', async () => (await stored()) > 300)
    await worker.kill()
  }
  await load.stop()
  const last = await site.start(env)
  await site.committed(last, topic)
  expect((await last.stats()).ledger).toMatchObject({ in_flight: 0, residue: 0, refused: 0 })
  expect(await last.stop()).toEqual({ code: 0, signal: undefined })
  const { discarded: _, ...kinds } = load.sent
  const read = await readObjects(server, bucket, key)
  expect(read).toMatchObject({ code: 0, stderr: '' })
  expect(kindsOf(read)).toEqual(kinds)
})

it('a store that is killed, frozen and cut off: the worker says so, waits, and loses nothing', async () => {
  const topic = await site.kafka.topic({ partitions: 2 })
  const proxy = await FaultProxy.start({ targetPort: server.port })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix, perSecond: 1500 })
  const worker = await site.start({
    ...s3Env({ ...server, url: `http://127.0.0.1:${proxy.port}` }, bucket, { CFMR_S3_OBJECTAGE: '300ms', CFMR_S3_TIMEOUT: '3s' }),
    CFMR_KAFKA_TOPICS: topic,
    CFMR_BATCHER_FLUSHRETRIES: -1,
  })
  await worker.ready()
  const records = async () => (await worker.stats()).outputs['s3']?.records ?? 0
  await worker.waitUntil('objects are put', async () => (await records()) > 500)
  await server.kill()
  await worker.waitUntil('it says so', async () => (await worker.get('/readyz')).body.includes('S3 at http'))
  expect((await worker.stats()).ledger.residue).toBe(0)
  await server.restart()
  const before = await records()
  await worker.waitUntil('objects are put again', async () => (await records()) > before)
  proxy.swallowAnswers()
  await worker.waitUntil('answers are missed', () => worker.log.some(({ error }) => String(error).includes('no answer within 3 s')))
  await proxy.heal()
  proxy.cut()
  await load.stop()
  await worker.waitUntil('all is committed', async () => (await site.kafka.lag(site.group, topic)) === 0)
  expect((await worker.stats()).ledger).toMatchObject({ residue: 0, refused: 0, in_flight: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  await proxy.close()
  const { discarded: _, ...kinds } = load.sent
  expect(kindsOf(await readObjects(server, bucket))).toEqual(kinds)
})
