import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleApps } from '../../dev/load/mix.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { uniqueName } from '../support/shared.ts'

const guid = sampleApps()[0]?.app_guid ?? ''

/** Each test has a group and a database of its own. */
async function withInstallation(test: (site: Installation) => Promise<void>): Promise<void> {
  const site = await Installation.open()
  try {
    await test(site)
  } finally {
    await site.close()
  }
}

it('a pattern takes in a topic that is created later, from its oldest message, and leaves the dead letters alone', () =>
  withInstallation(async (site) => {
    const prefix = uniqueName('log')
    const early = await site.kafka.topic({ topic: `${prefix}-early` })
    const dead = await site.kafka.topic({ topic: `${prefix}-dead` })
    await site.kafka.produce(early, logEnvelopes(guid, 0, 10))
    const worker = await site.start({
      CFMR_KAFKA_TOPICS: `/^${prefix}-.{4,5}$/, ${uniqueName('named')}`,
      CFMR_KAFKA_DEADLETTERTOPIC: dead,
      CFMR_KAFKA_TOPICREFRESH: '500ms',
    })
    await site.committed(worker, early)
    expect(JSON.parse((await worker.get('/readyz')).body)).toMatchObject({ reasons: [expect.stringMatching(/named-\w+ does not exist/)] })

    const later = await site.kafka.topic({ topic: `${prefix}-late`, partitions: 2 })
    await site.kafka.produce(later, logEnvelopes(guid, 10, 20), { partition: 1 })
    await site.kafka.produce(dead, logEnvelopes(guid, 20, 30))
    await site.committed(worker, later)
    await site.kafka.produce(early, logEnvelopes(guid, 30, 40))
    await site.committed(worker, early)
    expect((await site.stored()).log).toBe(30)
    expect(await site.kafka.committed(site.group, dead)).toEqual([-1])
    expect((await worker.stats()).ledger).toMatchObject({ consumed: 30, written: 30, abandoned: 0, residue: 0 })
  }))

it('offsets that an aborted transaction left empty hold no commit up', () =>
  withInstallation(async (site) => {
    const topic = await site.kafka.topic()
    const producer = site.kafka.client.producer({ transactionalId: uniqueName('transaction'), idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (const [from, fate] of [
      [0, 'commit'],
      [10, 'abort'],
      [20, 'commit'],
      [30, 'abort'],
    ] as const) {
      const transaction = await producer.transaction()
      const messages = logEnvelopes(guid, from, from + 10).map((value) => ({ value }))
      await transaction.send({ topic, messages })
      await transaction[fate]()
    }
    await producer.disconnect()
    const worker = await site.start({ CFMR_KAFKA_TOPICS: topic })
    await site.committed(worker, topic)
    expect(await site.kafka.committed(site.group, topic)).toEqual([44])
    expect((await site.stored()).log).toBe(20)
    expect((await worker.stats()).kafka).toMatchObject({ skipped: 0 })
  }))

it('what an open transaction holds back is lag, and is read once it ends', () =>
  withInstallation(async (site) => {
    const topic = await site.kafka.topic()
    await site.kafka.produce(topic, logEnvelopes(guid, 0, 10))
    const producer = site.kafka.client.producer({ transactionalId: uniqueName('transaction'), idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ value: logEnvelopes(guid, 10, 11)[0] ?? '' }] })
    await site.kafka.produce(topic, logEnvelopes(guid, 11, 20))
    const worker = await site.start({ CFMR_KAFKA_TOPICS: topic })
    await worker.ready()
    await worker.waitUntil('what is before it is read, the rest is lag', async () => {
      const { ledger, kafka } = await worker.stats()
      return ledger.written === 10 && kafka.lag === 10
    })
    await transaction.commit()
    await producer.disconnect()
    await worker.waitUntil('all is written', async () => (await worker.stats()).ledger.written === 20)
    expect((await worker.stats()).ledger).toMatchObject({ consumed: 20, residue: 0 })
  }))

it('CFMR_KAFKA_OFFSETNEWEST begins behind what is there, commits that at once, and misses nothing from then on', () =>
  withInstallation(async (site) => {
    const topic = await site.kafka.topic({ partitions: 2 })
    await site.kafka.produce(topic, logEnvelopes(guid, 0, 10))
    const env = { CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_OFFSETNEWEST: 'true', CFMR_KAFKA_SESSIONTIMEOUT: '6s' }
    const first = await site.start(env)
    await first.waitUntil('the beginning is committed', async () => String(await site.kafka.committed(site.group, topic)) === '10,0')
    await first.kill()
    await site.kafka.produce(topic, logEnvelopes(guid, 10, 20), { partition: 1 })

    const second = await site.start(env)
    await site.committed(second, topic)
    expect((await site.stored()).log).toBe(10)
    expect((await second.stats()).ledger).toMatchObject({ consumed: 10, written: 10 })
  }))

describe('two instances of a group', () => {
  let site: Installation
  beforeAll(async () => {
    site = await Installation.open()
  })
  afterAll(() => site?.close())

  const partitionsOf = async (worker: WorkerProcess) => (await worker.stats()).kafka.partitions.length

  it('share four partitions; one that joins or leaves under load makes nothing lost and nothing read twice', async () => {
    const topic = await site.kafka.topic({ partitions: 4 })
    let sent = 0
    const send = async () => {
      for (let partition = 0; partition < 4; partition++) {
        await site.kafka.produce(topic, logEnvelopes(guid, sent, sent + 500), { partition })
        sent += 500
      }
    }
    await send()
    const first = await site.start({ CFMR_KAFKA_TOPICS: topic })
    await (await first.ready()).waitUntil('it has all', async () => (await partitionsOf(first)) === 4)
    await send()
    const second = await site.start({ CFMR_KAFKA_TOPICS: topic, CF_INSTANCE_INDEX: 1 })
    for (let rounds = 0; (await partitionsOf(first)) !== 2 || (await partitionsOf(second).catch(() => 0)) !== 2; rounds++) {
      expect(rounds).toBeLessThan(100)
      await send()
    }
    await site.committed(first, topic)
    const [one, two] = [(await first.stats()).ledger, (await second.stats()).ledger]
    expect(two.consumed).toBeGreaterThan(0)
    expect(one.consumed + two.consumed).toBe(sent)
    expect([one.abandoned, two.abandoned]).toEqual([0, 0])

    await send()
    expect(await first.stop()).toEqual({ code: 0, signal: undefined })
    await send()
    await site.committed(second, topic)
    expect((await site.stored()).log).toBe(sent)
    const { ledger, kafka } = await second.stats()
    expect(kafka.partitions).toHaveLength(4)
    expect(ledger).toMatchObject({ abandoned: 0, residue: 0 })
  })
})
