import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Age, type AgeKey, debianAge } from '../../dev/age.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix, sampleApps } from '../../dev/load/mix.ts'
import { type S3Server, startS3Server } from '../../dev/s3-server.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { Installation } from '../support/installation.ts'
import { kindsOf, readObjects, s3Env } from '../support/s3-output.ts'
import { uniqueName } from '../support/shared.ts'

const mix = loadMix()
const folder = scratchFolder('worker-s3')
const ENVELOPES = 4000
const numbers = Array.from({ length: ENVELOPES }, (_, number) => number)
const points = numbers.filter((number) => mix.kind(number) !== 'discarded')

let server: S3Server
let age: Age
let keys: Readonly<Record<'first' | 'others', AgeKey>>
let site: Installation
let bucket: string

beforeAll(async () => {
  ;[server, age] = await Promise.all([startS3Server(), debianAge()])
  keys = { first: age.keygen(folder, 'first'), others: age.keygen(folder, 'others') }
})
afterAll(() => server?.close())
beforeEach(async () => {
  site = await Installation.open()
  bucket = uniqueName('bucket')
  server.makeBucket(bucket)
})
afterEach(() => site?.close())

const env = (more: Readonly<Record<string, string | number>>) => s3Env(server, bucket, more)
/** An organization of the sample whose name needs no cleaning. */
const first = sampleApps().find(({ org }) => /^[\w.-]+$/.test(org)) as { readonly org: string; readonly org_guid: string }

async function source(): Promise<string> {
  const topic = await site.kafka.topic()
  await site.kafka.produce(topic, numbers.map(mix.envelope))
  return topic
}

it('each organization gets objects of its own that its key alone opens, every event once, beside InfluxDB', async () => {
  const topic = await source()
  const recipients = JSON.stringify({ [first.org_guid]: [keys.first.recipient], '*': [keys.others.recipient] })
  const {
    CFMR_INFLUXDB_ADDR: _addr,
    CFMR_INFLUXDB_DATABASE: _database,
    ...s3
  } = env({ CFMR_S3_RECIPIENTS: recipients, CFMR_S3_OBJECTAGE: '500ms', CFMR_S3_PREFIX: 'logs' })
  const worker = await site.start({ ...s3, CFMR_OUTPUT: 'influxdb,s3', CFMR_KAFKA_TOPICS: topic })
  await site.committed(worker, topic)
  const { ledger, outputs } = await worker.stats()
  expect(ledger).toMatchObject({ consumed: ENVELOPES, written: points.length, in_flight: 0, residue: 0 })
  expect(outputs['s3']).toMatchObject({ ack: 'stored', records: points.length, held: 0, refused: 0, in_flight: 0, failures: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })

  const found = server.keys(bucket)
  const ofFirst = found.filter((key) => key.startsWith(`logs/org=${first.org}/`))
  expect([ofFirst.length > 0, found.length > ofFirst.length]).toEqual([true, true])
  const folders = new Map<string, Set<string>>()
  for (const key of found) {
    const [own, foreign] = ofFirst.includes(key) ? [keys.first, keys.others] : [keys.others, keys.first]
    const documents = (await age.open(server.object(bucket, key), own))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const [org, ...others] = new Set<string>(documents.map(({ cloudfoundry }) => cloudfoundry.org.id))
    expect(others).toEqual([])
    folders.set(org ?? '', (folders.get(org ?? '') ?? new Set()).add(key.split('/')[1] ?? ''))
    if (key === ofFirst[0] || key === found.at(-1))
      await expect(age.open(server.object(bucket, key), foreign)).rejects.toThrow(/no identity/)
  }
  expect([...folders.values()].every(({ size }) => size === 1)).toBe(true)
  expect(new Set([...folders.values()].flatMap((names) => [...names])).size).toBe(folders.size)
  const read = await readObjects(server, bucket, keys.first, keys.others)
  expect(read).toMatchObject({ code: 0, stderr: '' })
  const { discarded: _, ...kinds } = countOf(numbers)
  expect(kindsOf(read)).toEqual(kinds)
  expect(await site.stored()).toEqual(kinds)
})

it('an organization without recipient is held while all others go on, and written once the file names it', async () => {
  const topic = await source()
  const file = join(folder, 'recipients.json')
  const orgs = [...new Set(sampleApps().map(({ org }) => org))].filter((org) => org !== first.org)
  const all = Object.fromEntries(orgs.map((org) => [org, [keys.others.recipient]]))
  writeFileSync(file, JSON.stringify(all))
  const worker = await site.start(env({ CFMR_S3_RECIPIENTS: file, CFMR_S3_OBJECTAGE: '500ms', CFMR_KAFKA_TOPICS: topic }))
  await worker.ready()
  const figures = async () => (await worker.stats()).outputs['s3']
  await worker.waitUntil('one alone is held', async () => {
    const { held = 0, records = 0 } = (await figures()) ?? {}
    return held > 0 && held + records === points.length
  })
  expect(server.keys(bucket).some((key) => key.startsWith(`org=${first.org}/`))).toBe(false)
  expect((await worker.stats()).ledger.residue).toBe(0)
  expect((await worker.get('/readyz')).body).toMatch(/s3: \d+ records are held back: .* has no recipient in CFMR_S3_RECIPIENTS/)
  const errors = worker.log.filter(({ level }) => level === 'ERROR')
  expect(errors).toMatchObject([{ tenant: first.org }])

  writeFileSync(file, '{')
  await worker.logged(/^the file of CFMR_S3_RECIPIENTS cannot be used as it is now/)
  expect((await worker.get('/healthz')).status).toBe(200)
  writeFileSync(file, JSON.stringify({ ...all, [first.org]: [keys.first.recipient] }))
  await site.committed(worker, topic)
  expect(await figures()).toMatchObject({ records: points.length, held: 0 })
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  const own = await readObjects(server, bucket, keys.first)
  expect(own.code).toBe(1)
  expect(own.documents.length).toBeGreaterThan(0)
  expect(new Set(own.documents.map(({ cloudfoundry }) => cloudfoundry.org.name))).toEqual(new Set([first.org]))
  expect((await readObjects(server, bucket, keys.first, keys.others)).documents).toHaveLength(points.length)
})

it('objects that would wait long are put before their age where the input is at its limit, and at a stop', async () => {
  const topic = await source()
  const worker = await site.start(env({ CFMR_S3_OBJECTAGE: '1h', CFMR_MAXINFLIGHT: 1000, CFMR_KAFKA_TOPICS: topic }))
  await worker.ready()
  await worker.waitUntil('most is stored', async () => ((await worker.stats()).outputs['s3']?.records ?? 0) > points.length - 1000)
  await worker.waitUntil('all is read', async () => (await worker.stats()).ledger.consumed === ENVELOPES)
  expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
  expect(await site.kafka.lag(site.group, topic)).toBe(0)
  expect((await readObjects(server, bucket)).documents).toHaveLength(points.length)
})

it('a load over several partitions: every event in an object, by the hour of its time', async () => {
  const topic = await site.kafka.topic({ partitions: 3 })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 3 }], mix, perSecond: 4000, count: 8000 })
  const worker = await site.start(
    env({ CFMR_S3_OBJECTAGE: '1s', CFMR_S3_TENANT: 'none', CFMR_S3_OBJECTBYTES: 300_000, CFMR_KAFKA_TOPICS: topic }),
  )
  await load.done
  await site.committed(worker, topic)
  await worker.stop()
  expect(server.keys(bucket).every((key) => /^dt=2023-11-14\/hour=22\//.test(key))).toBe(true)
  const { discarded: _, ...kinds } = load.sent
  expect(kindsOf(await readObjects(server, bucket))).toEqual(kinds)
})

function countOf(sent: readonly number[]) {
  const counts = { http_request: 0, log: 0, instance: 0, discarded: 0 }
  for (const number of sent) counts[mix.kind(number)]++
  return counts
}
