import type { Admin } from 'kafkajs'
import { sleep } from '../../src/lib/sleep.ts'
import { startCloudController } from '../cloud-controller/cloud-controller.ts'
import { startInfluxDb } from '../influxdb.ts'
import { startKafkaCluster } from '../kafka.ts'
import { createTopics, kafkaClient } from '../kafka-client.ts'
import { Load } from '../load/load.ts'
import { loadMix } from '../load/mix.ts'
import { PointCounter } from '../point-counter.ts'
import { FaultProxy } from '../proxy.ts'
import { waitUntil } from '../wait-until.ts'
import { DocumentCounter } from './documents.ts'
import { type Fault, instanceFaults, serverFaults, type Victims } from './faults.ts'
import { Instances } from './instances.ts'
import { Random } from './random.ts'

export interface DrillOptions {
  readonly minutes: number
  readonly seed: number
  readonly perSecond: number
  readonly instances: number
  readonly stop: AbortSignal
  /** Each fault as it begins, and a line of figures every few seconds. */
  readonly say: (text: string) => void
}

export interface DrillResult {
  readonly seed: number
  readonly minutes: number
  readonly envelopes: number
  readonly points_expected: number
  readonly points_stored: number
  /** Must be 0. */
  readonly lost: number
  /** Points that InfluxDB took more than once; each landed on itself. */
  readonly repeated: number
  /** The same of the documents, at the second output. Must be 0. */
  readonly documents_lost: number
  readonly documents_repeated: number
  readonly dead_letters: number
  /** Lines that tell of offsets without messages. Must be 0. */
  readonly gaps: number
  /** Instances that gave up with exit 1 and were started again. */
  readonly gave_up: number
  /** Instances that were stopped while a server was away, and said what they could not write. */
  readonly left_unwritten: number
  /** From the last fault's end to the last commit. */
  readonly catch_up_seconds: number
  readonly faults: Readonly<Record<string, number>>
  /** What ended as no contract allows. Must be empty. */
  readonly unexpected: readonly string[]
}

const topics = [
  { topic: 'drill-a', partitions: 6 },
  { topic: 'drill-b', partitions: 2 },
]
const deadLetterTopic = 'drill-dead-letters'
const groupId = 'drill'
const database = 'drill'
const fields = { http_request: 'count', log: 'count', instance: 'cpu' } as const

/** Breaks everything on a seeded schedule while numbered envelopes flow, heals it, and counts what arrived. */
export async function drill(options: DrillOptions): Promise<DrillResult> {
  const closing: (() => Promise<unknown>)[] = []
  const closedLast = <Part extends { close(): Promise<unknown> }>(part: Part): Part => {
    closing.unshift(() => part.close())
    return part
  }
  try {
    const kafka = closedLast(await startKafkaCluster())
    const influxDb = closedLast(await startInfluxDb({ databases: [database] }))
    const counter = closedLast(await PointCounter.start(influxDb.url))
    const mix = loadMix()
    const cc = closedLast(await startCloudController({ apps: mix.apps }))
    const cloudController = closedLast(await FaultProxy.start({ targetPort: Number(new URL(cc.url).port) }))
    const client = kafkaClient(kafka.brokers)
    await createTopics(client, [...topics, { topic: deadLetterTopic }])
    const admin = client.admin()
    await admin.connect()
    closing.unshift(() => admin.disconnect())

    const documents = new DocumentCounter()
    const env = {
      CFMR_KAFKA_BROKERS: kafka.brokers.join(','),
      CFMR_KAFKA_TOPICS: topics.map(({ topic }) => topic).join(','),
      CFMR_KAFKA_CONSUMERGROUP: groupId,
      CFMR_KAFKA_SESSIONTIMEOUT: '6s',
      CFMR_KAFKA_PROCESSINGTIMEOUT: '5s',
      CFMR_KAFKA_DEADLETTERTOPIC: deadLetterTopic,
      CFMR_INFLUXDB_ADDR: counter.url,
      CFMR_INFLUXDB_DATABASE: database,
      CFMR_INFLUXDB_TIMEOUT: '5s',
      CFMR_BATCHER_FLUSHINTERVAL: '1s',
      CFMR_CF_API: `http://127.0.0.1:${cloudController.port}`,
      CFMR_CF_USER: 'admin',
      CFMR_CF_PASSWORD: 'admin',
      CFMR_CF_TIMEOUT: '5s',
      CFMR_OUTPUT: 'influxdb,stdout',
      CFMR_STDOUT_FORMAT: 'json',
    }
    const instances = new Instances(env, documents.onOutput)
    closing.unshift(() => instances.killAll())
    for (let i = 0; i < options.instances; i++) await instances.add()

    const load = new Load({ kafka: client, topics, mix, perSecond: options.perSecond })
    const faults = await breakThings({ instances, instanceCount: options.instances, kafka, influxDb, cloudController }, load, options)
    await load.stop()
    const healedMs = performance.now()
    options.say(`healed; ${load.sentCount} envelopes sent, catching up …`)
    await waitUntil('everything sent is committed', () => isCaughtUp(admin), {
      timeoutMs: 300_000,
      everyMs: 250,
    })
    const catchUpSeconds = (performance.now() - healedMs) / 1000
    await instances.removeAll()

    const counts = await Promise.all(Object.entries(fields).map(([measurement, field]) => influxDb.count(database, measurement, field)))
    const stored = counts.reduce((sum, count) => sum + count, 0)
    const deadLetters = await admin.fetchTopicOffsets(deadLetterTopic)
    return {
      seed: options.seed,
      minutes: options.minutes,
      envelopes: load.sentCount,
      points_expected: load.pointCount,
      points_stored: stored,
      lost: load.pointCount - stored,
      repeated: counter.points - stored,
      documents_lost: load.pointCount - documents.unique,
      documents_repeated: documents.repeated,
      dead_letters: deadLetters.reduce((sum, { high }) => sum + Number(high), 0),
      gaps: instances.gaps,
      gave_up: instances.gaveUp,
      left_unwritten: instances.leftUnwritten,
      catch_up_seconds: Math.round(catchUpSeconds * 10) / 10,
      faults,
      unexpected: instances.unexpected,
    }
  } finally {
    for (const close of closing) await close()
  }
}

/** Two series of faults at once, one for the instances, one for the servers, until the time is up. Resolves to how many there were. */
async function breakThings(victims: Victims, load: Load, { minutes, seed, stop, say }: DrillOptions): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const started = performance.now()
  const isOver = () => stop.aborted || performance.now() - started > minutes * 60_000
  const series = async (faults: readonly [Fault, ...Fault[]], random: Random, pauseSeconds: readonly [number, number]) => {
    for (;;) {
      await sleep(random.between(...pauseSeconds) * 1000, stop)
      if (isOver()) return
      const fault = random.pick(faults)
      counts[fault.name] = (counts[fault.name] ?? 0) + 1
      say(`${clock(performance.now() - started)}  ${fault.name}`)
      await fault.run(victims, random)
    }
  }
  const progress = async () => {
    while (!isOver()) {
      await sleep(10_000, stop)
      say(
        `${clock(performance.now() - started)}  sent ${load.sentCount}, ${victims.instances.all.length} instances, ${victims.instances.gaveUp} gave up so far`,
      )
    }
  }
  await Promise.all([series(instanceFaults, new Random(seed), [2, 12]), series(serverFaults, new Random(seed + 1), [5, 25]), progress()])
  return counts
}

async function isCaughtUp(admin: Admin): Promise<boolean> {
  try {
    const committed = await admin.fetchOffsets({ groupId, topics: topics.map(({ topic }) => topic) })
    const ends = await Promise.all(topics.map(async ({ topic }) => ({ topic, partitions: await admin.fetchTopicOffsets(topic) })))
    return ends.every(({ topic, partitions }) => {
      const of = committed.find((one) => one.topic === topic)?.partitions ?? []
      return partitions.every(({ partition, high }) => of.find((one) => one.partition === partition)?.offset === high)
    })
  } catch {
    // A coordinator or a leader that has just moved.
    return false
  }
}

function clock(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000)
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}`
}
