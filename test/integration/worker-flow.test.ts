import { afterEach, beforeEach, expect, it } from 'vitest'
import { encodeV2Protobuf, parseEnvelope } from '../../dev/envelope-protobuf.ts'
import { Load } from '../../dev/load/load.ts'
import { type Kind, loadMix, sampleApps } from '../../dev/load/mix.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { logEnvelope } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { spellV2, toV2, type V1 } from '../support/v2-envelopes.ts'

const mix = loadMix()
const guid = sampleApps()[0]?.app_guid ?? ''
let site: Installation

beforeEach(async () => {
  site = await Installation.open()
})
afterEach(() => site?.close())

/** Envelopes on four partitions, sent on and on. */
async function underLoad(): Promise<{ readonly topic: string; readonly load: Load }> {
  const topic = await site.kafka.topic({ partitions: 4 })
  return { topic, load: new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 4 }], mix, perSecond: 4000 }) }
}

async function hasWritten(worker: WorkerProcess, count: number): Promise<void> {
  const written = async () => (await worker.stats().catch(() => undefined))?.ledger.written ?? 0
  await worker.waitUntil(`${count} are written`, async () => (await written()) >= count, { everyMs: 20 })
}

it('the single message of an idle topic is written when the flush interval is over, not sooner, and no other is needed', async () => {
  const topic = await site.kafka.topic()
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topic, CFMR_BATCHER_FLUSHINTERVAL: '4s' })
  await worker.ready()
  await site.kafka.produce(topic, [logEnvelope(guid, 0)])
  await worker.waitUntil('it is read', async () => (await worker.stats()).ledger.in_flight === 1, { everyMs: 20 })
  expect(await site.kafka.committed(site.group, topic)).toEqual([-1])
  await site.committed(worker, topic)
  expect((await site.stored()).log).toBe(1)
})

it('envelopes of Loggregator V2, in JSON and in protobuf, become points beside those of V1', async () => {
  const topic = await site.kafka.topic()
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topic })
  const numbers = Array.from({ length: 600 }, (_, number) => number)
  const messages = numbers.map((number) => {
    const message = mix.envelope(number)
    if (number % 3 === 0) return message
    const v2 = toV2(parseEnvelope(message.toString()) as unknown as V1)
    return number % 3 === 1 ? spellV2(v2) : encodeV2Protobuf(v2)
  })
  await site.kafka.produce(topic, messages)
  await site.committed(worker, topic)
  const count = (kind: Kind) => numbers.filter((number) => mix.kind(number) === kind).length
  expect(await site.stored()).toEqual({ http_request: count('http_request'), log: count('log'), instance: count('instance') })
  const discarded = count('discarded')
  expect((await worker.stats()).ledger).toMatchObject({ consumed: 600, written: 600 - discarded, discarded, residue: 0 })
})

it('the ledger adds up and /healthz answers at any moment, under load too', async () => {
  const { topic, load } = await underLoad()
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_MAXINFLIGHT: 5000 })
  await hasWritten(worker, 1)
  let readInFlight = 0
  for (let samples = 0; samples < 100; samples++) {
    const { ledger, kafka } = await worker.stats()
    const { consumed, residue, in_flight, ...fates } = ledger
    expect(residue).toBe(0)
    expect(Object.values(fates).reduce((sum, count) => sum + count, in_flight)).toBe(consumed)
    expect(kafka.partitions.reduce((sum, partition) => sum + partition.in_flight, 0)).toBe(in_flight)
    if (in_flight > 0) readInFlight++
    expect((await worker.get('/healthz')).status).toBe(200)
  }
  expect(readInFlight).toBeGreaterThan(10)
  await load.stop()
  await site.committed(worker, topic)
  const { discarded, ...points } = load.sent
  expect(await site.stored()).toEqual(points)
  expect((await worker.stats()).ledger).toMatchObject({ consumed: load.sentCount, written: load.pointCount, discarded, residue: 0 })
})

it('SIGTERM under load: what was read is written and committed, and it ends with 0 within CFMR_KAFKA_PROCESSINGTIMEOUT', async () => {
  const { topic, load } = await underLoad()
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topic, CFMR_BATCHER_FLUSHINTERVAL: '1m' })
  await hasWritten(worker, 5000)
  // Later than its time it would end with status 1, and say so.
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  await load.stop()
  expect(worker.log.at(-1)?.level).not.toBe('ERROR')

  const committed = await site.kafka.committed(site.group, topic)
  const ends = await site.kafka.ends(topic)
  expect(committed.some((offset, partition) => offset < (ends[partition] ?? 0))).toBe(true)
  const { http_request, log, instance } = await site.stored()
  const pointsBefore = http_request + log + instance
  const next = await site.start({ CFMR_KAFKA_TOPICS: topic })
  await site.committed(next, topic)
  // Nothing comes twice: what the next one read is exactly what was left.
  const { ledger } = await next.stats()
  expect(ledger.consumed).toBe(ends.reduce((sum, end) => sum + end, 0) - committed.reduce((sum, offset) => sum + Math.max(0, offset), 0))
  expect(ledger.written + pointsBefore).toBe(load.pointCount)
})

it('kill -9 under load, twice: nothing is lost, and every repeat lands on its own point', async () => {
  const { topic, load } = await underLoad()
  for (let kills = 0; kills < 2; kills++) {
    const worker = await site.start({ CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_SESSIONTIMEOUT: '6s', CFMR_BATCHER_FLUSHMESSAGES: 500 })
    await hasWritten(worker, 1000)
    await worker.kill()
  }
  await load.stop()
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_SESSIONTIMEOUT: '6s' })
  await site.committed(worker, topic)
  const { discarded: _, ...points } = load.sent
  expect(await site.stored()).toEqual(points)
})

it('at a limit of what may be in flight nothing waits for the flush interval: more could not come', async () => {
  const topic = await site.kafka.topic()
  const large = Array.from({ length: 40 }, (_, number) => logEnvelope(guid, number, 500_000))
  for (const value of large) await site.kafka.produce(topic, [value])
  const worker = await site.start({
    CFMR_KAFKA_TOPICS: topic,
    CFMR_KAFKA_MAXINFLIGHTBYTES: 4_000_000,
    CFMR_BATCHER_FLUSHINTERVAL: '1h',
  })
  // What is left is too little to reach the limit again, and waits.
  await worker.waitUntil('all is read', async () => (await worker.stats().catch(() => undefined))?.ledger.consumed === large.length)
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  expect((await site.stored()).log).toBe(40)
})
