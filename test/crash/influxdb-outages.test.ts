import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { type InfluxDbServer, startInfluxDb } from '../../dev/influxdb.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import { type FakeAnswer, startFakeInfluxDb } from '../fakes/influxdb.ts'
import { expectLedger, Scene } from './scene.ts'

let influxDb: InfluxDbServer
let scene: Scene

beforeAll(async () => {
  influxDb = await startInfluxDb()
})

afterAll(() => influxDb?.close())

beforeEach(async () => {
  scene = await Scene.open({ influxDb })
})

afterEach(() => scene?.close())

it('down at the start: it waits for CFMR_INFLUXDB_STARTTIMEOUT, says so, ends with 1 and has read nothing', async () => {
  await scene.send(2000)
  await influxDb.stop()
  const early = await scene.start({ CFMR_INFLUXDB_STARTTIMEOUT: '2s' })
  expect(await early.exited).toEqual({ code: 1, signal: undefined })
  expect(early.log.filter(({ level }) => level === 'ERROR')).toEqual([
    expect.objectContaining({
      msg: 'Cannot go on',
      error: expect.stringMatching(/InfluxDB at .* did not answer within 2 s: .*ECONNREFUSED/),
    }),
  ])
  expect(await scene.committed()).toBe(-1)

  const patient = await scene.start({ CFMR_INFLUXDB_STARTTIMEOUT: '1m' })
  await patient.logged(/does not answer yet/)
  await influxDb.restart()
  await scene.allCommitted(patient)
  await scene.expectAllStored()
})

it('stops, hangs, and is killed while it works, with CFMR_BATCHER_FLUSHRETRIES=-1: it goes on each time, and repeats land on themselves', async () => {
  const worker = await scene.start({ CFMR_BATCHER_FLUSHRETRIES: -1, CFMR_INFLUXDB_TIMEOUT: '1s' })
  await worker.ready()
  const sending = scene.send(12_000, 1500)
  const mendings: [string, () => unknown, () => unknown][] = [
    ['refused', () => influxDb.stop(), () => influxDb.restart()],
    ['no answer', () => influxDb.freeze(), () => influxDb.thaw()],
    ['refused', () => influxDb.kill(), () => influxDb.restart()],
  ]
  for (const [reason, breakIt, mendIt] of mendings) {
    await breakIt()
    await worker.waitUntil(`/readyz says ${reason}`, async () => {
      const { status, body } = await worker.get('/readyz')
      return status === 503 && /the last write failed/.test(body) && body.toLowerCase().includes(reason)
    })
    expect((await worker.get('/healthz')).status).toBe(200)
    await mendIt()
    await worker.ready()
    await scene.expectCommittedIsStored()
  }
  await sending
  await scene.allCommitted(worker)
  await scene.expectAllStored()
  const { discarded, ...points } = scene.kinds()
  const written = points.http_request + points.log + points.instance
  await expectLedger(worker, { consumed: 12_000, written, discarded })
  expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})

it.each([
  ['stops', () => influxDb.kill(), () => influxDb.restart()],
  ['hangs', () => influxDb.freeze(), () => influxDb.thaw()],
] as const)(
  '%s for good: retries are used up, it ends with 1, and what is committed is written; the next start loses nothing',
  async (_, breakIt, mendIt) => {
    const worker = await scene.start({ CFMR_BATCHER_FLUSHRETRIES: 1, CFMR_INFLUXDB_TIMEOUT: '1s', CFMR_BATCHER_FLUSHMESSAGES: 500 })
    await worker.ready()
    await scene.send(1500)
    await worker.waitUntil('something is committed', async () => (await scene.committed()) > 0)
    await breakIt()
    await scene.send(3000)
    expect(await worker.exited).toEqual({ code: 1, signal: undefined })
    expect(worker.log.find(({ msg }) => msg === 'Cannot go on')).toMatchObject({
      level: 'ERROR',
      error: expect.stringMatching(/did not take a batch, tried 2 times: .*what was not written is not committed/),
    })
    expect(worker.log.at(-1)).toMatchObject({
      level: 'ERROR',
      msg: expect.stringMatching(/\d+ envelopes will be read again by the next start, since not all are settled; nothing is lost/),
    })
    await mendIt()
    await scene.expectCommittedIsStored()
    expect(await scene.committed()).toBeLessThan(scene.sent)

    const next = await scene.start()
    await scene.allCommitted(next)
    await scene.expectAllStored()
  },
)

it('answers 500, 503 and 429 with Retry-After and 401, then works, then refuses for good: it goes on, then ends with 1, and nothing is lost', async () => {
  const fake = await startFakeInfluxDb()
  onTestFinished(() => fake.close())
  const badDay: readonly FakeAnswer[] = [
    { status: 500, body: { error: 'timeout' } },
    { status: 503, body: 'no server is available', headers: { 'retry-after': '1' } },
    { status: 429, body: { code: 'too many requests' }, headers: { 'retry-after': '1' } },
    { status: 401, body: { error: 'authorization failed' } },
    'reset',
  ]
  const answers = [...badDay]
  let isBroken = false
  const passOn = async (url: string, lines: readonly string[]): Promise<FakeAnswer> => {
    const { status } = await fetch(influxDb.url + url, { method: 'POST', body: lines.map((line) => `${line}\n`).join('') })
    return { status }
  }
  fake.onWrite = ({ url, lines }) => (isBroken ? { status: 500 } : (answers.shift() ?? passOn(url, lines)))
  const env = { CFMR_INFLUXDB_ADDR: fake.url, CFMR_BATCHER_FLUSHMESSAGES: 500, CFMR_BATCHER_FLUSHRETRIES: 3, CFMR_INFLUXDB_MAXWRITES: 2 }
  await scene.send(4000)
  const worker = await scene.start(env)
  await scene.allCommitted(worker)
  expect((await worker.stats()).influxdb).toMatchObject({ retries: badDay.length, failures: badDay.length })
  expect(worker.log.find(({ level }) => level === 'ERROR')?.msg).toMatch(/cannot take what is sent; look at CFMR_INFLUXDB_USERNAME/)
  await scene.expectAllStored()

  isBroken = true
  await scene.send(1000)
  expect(await worker.exited).toEqual({ code: 1, signal: undefined })
  await scene.expectCommittedIsStored()
  isBroken = false
  await scene.allCommitted(await scene.start(env))
  await scene.expectAllStored()
})

it('a write that takes longer than the session time-out costs no membership and repeats nothing', async () => {
  const proxy = await FaultProxy.start({ targetPort: Number(new URL(influxDb.url).port) })
  onTestFinished(() => proxy.close())
  const worker = await scene.start({
    CFMR_INFLUXDB_ADDR: `http://127.0.0.1:${proxy.port}`,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_KAFKA_MAXINFLIGHT: 3000,
  })
  await worker.ready()
  const member = await memberOf(scene)
  proxy.freeze()
  await scene.send(10_000)
  await worker.waitUntil(
    'its oldest message has waited for twice the session time-out',
    async () => ((await worker.stats()).kafka.partitions[0]?.oldest_unacked_seconds ?? 0) > 12,
  )
  expect((await worker.get('/readyz')).body).toMatch(/reading is paused.*InfluxDB/s)
  expect((await worker.stats()).kafka.paused).toBe(true)
  await proxy.heal()
  await scene.allCommitted(worker)

  expect(await memberOf(scene)).toEqual(member)
  expect(worker.log.filter(({ msg }) => msg === 'joined the group')).toHaveLength(1)
  await scene.expectAllStored()
  const { discarded } = scene.kinds()
  await expectLedger(worker, { consumed: 10_000, written: 10_000 - discarded, discarded })
})

it('is slow: everything gets there, and nothing is given up', async () => {
  const proxy = await FaultProxy.start({ targetPort: Number(new URL(influxDb.url).port) })
  onTestFinished(() => proxy.close())
  proxy.throttle(400_000)
  await scene.send(6000)
  const worker = await scene.start({
    CFMR_INFLUXDB_ADDR: `http://127.0.0.1:${proxy.port}`,
    CFMR_KAFKA_SESSIONTIMEOUT: '6s',
    CFMR_BATCHER_FLUSHMESSAGES: 1000,
  })
  await scene.allCommitted(worker)
  await scene.expectAllStored()
  expect((await worker.stats()).influxdb).toMatchObject({ failures: 0, retries: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
})

async function memberOf({ kafka, group }: Scene): Promise<unknown> {
  const { groups } = await kafka.admin.describeGroups([group])
  return groups.map(({ state, members }) => [state, members.map(({ memberId }) => memberId)])
}
