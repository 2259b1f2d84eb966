import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { encodeProtobuf, parseEnvelope } from '../../dev/envelope-protobuf.ts'
import { sampleApps } from '../../dev/load/mix.ts'
import { makeApps } from '../support/apps.ts'
import { logEnvelope, logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'

const guid = sampleApps()[0]?.app_guid ?? ''
let site: Installation
beforeAll(async () => {
  site = await Installation.open()
})
afterAll(() => site?.close())

const good = (number: number) => Buffer.from(logEnvelope(guid, number))
const inProtobuf = (number: number, origin = 'rep') => encodeProtobuf({ ...parseEnvelope(logEnvelope(guid, number)), origin })

const poison: Readonly<Record<string, Buffer | null>> = {
  empty: Buffer.alloc(0),
  absent: null,
  'with a byte order mark': Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), good(0)]),
  'cut off': good(0).subarray(0, -20),
  'trailing bytes': Buffer.concat([good(0), Buffer.from('}')]),
  'no JSON': Buffer.from('{"origin": rep}'),
  'a wrong type': Buffer.from(logEnvelope(guid, 0).replace('"eventType":5', '"eventType":"five"')),
  'a number out of range': Buffer.from(logEnvelope(guid, 0).replace(/"timestamp":\d+/g, '"timestamp":9223372036854775808')),
  'protobuf cut off': inProtobuf(0).subarray(0, -3),
  'protobuf of a field that never ends': Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x41]),
  'protobuf without what it requires': Buffer.from([0x0a, 0x03, 0x72, 0x65, 0x70]),
  'random bytes': Buffer.from('9f4a00d1e27c31fe8806550aa0', 'hex'),
  'a newline and nothing': Buffer.from('\n'),
  'a newline and no JSON': Buffer.from('\n{"eventType":'),
  'a megabyte of the same byte': Buffer.alloc(1_000_000, 0x5b),
  'a megabyte of nesting': Buffer.from(`{"tags":${'['.repeat(999_000)}`),
}

/** What looks odd, and is right. */
const odd: readonly Buffer[] = [
  Buffer.from(`\n${logEnvelope(guid, 1)}`),
  Buffer.from(` \t\r${logEnvelope(guid, 2)}`),
  inProtobuf(3),
  // Behind the tag of `origin`, 0x0A, comes its length: 0x7B is also a brace.
  inProtobuf(4, 'r'.repeat(0x7b)),
  Buffer.from(logEnvelope(guid, 5).replace('eventType', 'EVENTTYPE')),
]

it.each([
  ['logs', false],
  ['keeps as dead letters', true],
])('%s whatever is no envelope, counts and acknowledges it, and writes what is among it', async (_, isKept) => {
  const own = await Installation.open()
  try {
    const [topic, dead] = [await own.kafka.topic(), await own.kafka.topic()]
    const bad = Object.values(poison)
    // One at a time: two of the large ones are more than Kafka takes together.
    for (const [index, value] of bad.entries()) await own.kafka.produce(topic, [value, good(100 + index)])
    await own.kafka.produce(topic, [Buffer.from('null'), ...odd])
    const worker = await own.start({ CFMR_KAFKA_TOPICS: topic, ...(isKept && { CFMR_KAFKA_DEADLETTERTOPIC: dead }) })
    await own.committed(worker, topic)

    const { ledger, dead_letters } = await worker.stats()
    const written = bad.length + odd.length
    expect(ledger).toMatchObject({ undecodable: bad.length, written, no_app_guid: 1, in_flight: 0, residue: 0 })
    expect(dead_letters).toBe(bad.length)
    expect((await own.stored()).log).toBe(written)
    expect((await worker.get('/readyz')).status).toBe(200)

    if (isKept) {
      const letters = await own.kafka.consume(dead, bad.length)
      const byOffset = new Map(letters.map((letter) => [letter.headers['cfmr-offset'], letter]))
      for (const [index, value] of bad.entries()) {
        const letter = byOffset.get(String(2 * index))
        expect(letter?.headers).toMatchObject({ 'cfmr-reason': 'undecodable', 'cfmr-topic': topic, 'cfmr-partition': '0' })
        expect(letter?.headers['cfmr-error']).not.toBe('')
        expect(letter?.value?.equals(value ?? Buffer.alloc(0)) ?? value === null, Object.keys(poison)[index]).toBe(true)
      }
    }
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
    if (!isKept) {
      const lines = worker.log.filter(({ level }) => level === 'ERROR')
      expect(lines[0]).toMatchObject({ topic, partition: 0, offset: '0', reason: 'undecodable', size_bytes: 0 })
      // Such lines are limited: the first at once, the rest as one with their number.
      expect(lines).toHaveLength(2)
      expect(lines[1]).toMatchObject({ topic, offset: String(2 * bad.length - 2), suppressed: bad.length - 2 })
    }
  } finally {
    await own.close()
  }
})

it('an app that Cloud Controller does not answer for holds its own messages back, exactly from its first one on', async () => {
  const known = makeApps(20)
  const [unknown, absent] = makeApps(2, 1000).map(({ app_guid }) => app_guid) as [string, string]
  const cc = await startCloudController({ apps: known })
  try {
    const [topic, other] = [await site.kafka.topic(), await site.kafka.topic()]
    const guidOf = (number: number) => known[number % known.length]?.app_guid ?? ''
    const values = Array.from({ length: 100 }, (_, number) => logEnvelope(guidOf(number), number))
    values.splice(37, 0, logEnvelope(unknown, 500))
    values.splice(60, 0, logEnvelope(unknown, 501), logEnvelope(absent, 502), logEnvelope('routing_api', 503))
    await site.kafka.produce(topic, values)
    await site.kafka.produce(other, logEnvelopes(guidOf(0), 1000, 1050))
    cc.faults.add({ kind: 'look-up', guid: unknown, ...ANSWERS.databaseDown })
    const worker = await site.start({
      CFMR_KAFKA_TOPICS: `${topic},${other}`,
      CFMR_CF_API: cc.url,
      CFMR_CF_USER: 'admin',
      CFMR_CF_PASSWORD: 'admin',
      CFMR_CF_RETRIES: '0',
    })
    await site.committed(worker, other)
    await worker.waitUntil('all others are settled', async () => {
      const { ledger } = await worker.stats()
      return ledger.written === 150 && ledger.not_found === 2
    })
    await worker.waitUntil('all before it is committed', async () => (await site.kafka.committed(site.group, topic))[0] === 37)
    const { ledger, metadata, kafka } = await worker.stats()
    expect(ledger).toMatchObject({ consumed: 154, in_flight: 2, residue: 0 })
    expect(metadata).toMatchObject({ held: 2, held_apps: [unknown], last_error: expect.stringContaining('503') })
    expect(kafka.partitions.find((partition) => partition.topic === topic)).toMatchObject({ committed: 37, lag: 67, in_flight: 2 })
    expect((await site.stored()).log).toBe(150)
    expect(cc.requests.some(({ guids }) => guids.includes('routing_api'))).toBe(false)

    await site.kafka.produce(other, logEnvelopes(guidOf(1), 1050, 1060))
    await site.committed(worker, other)
    expect(await site.kafka.committed(site.group, topic)).toEqual([37])

    cc.platform.put({ ...makeApps(1, 1000)[0], app_guid: unknown, app: 'found at last' } as (typeof known)[number])
    cc.faults.heal()
    await site.committed(worker, topic)
    expect((await site.stored()).log).toBe(162)
    expect(await site.influxDb.query(`SELECT count("count") FROM "log" WHERE "app" = 'found at last'`, site.database)).toMatchObject([
      { count: 2 },
    ])
    expect((await worker.stats()).ledger).toMatchObject({ consumed: 164, written: 162, not_found: 2, in_flight: 0, residue: 0 })
  } finally {
    await cc.close()
  }
})
