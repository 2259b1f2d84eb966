import { expect, onTestFinished } from 'vitest'
import { type InfluxQl, influxQl } from '../../dev/influxql.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { PointCounter } from '../../dev/point-counter.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import type { WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import type { StatsSnapshot } from '../../src/debug/stats.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { KafkaTester } from '../support/kafka.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { sampleAppsApi, startWorker } from '../support/worker.ts'

export interface GroupSceneOptions {
  /** Of a Kafka that may be broken; without it the one that all tests share. */
  readonly brokers?: readonly string[]
  readonly partitions: number
}

const mix = loadMix()
const fields = { http_request: 'count', log: 'count', instance: 'cpu' } as const
/** Numbers of one load and the next are so far apart. */
const LOAD_NUMBERS = 1_000_000

/**
 * A topic under load, a group of workers that reads it, and a witness who looks on all the time: at what is committed, and at
 * every worker's figures. Ends with the test that opened it.
 */
export class GroupScene {
  readonly topic = uniqueName('topic')
  readonly group = uniqueName('group')
  /** Those that are asked for their figures. Take out whoever cannot know yet that it has been left behind. */
  readonly workers = new Set<WorkerProcess>()
  /** Before InfluxDB. */
  readonly proxy: FaultProxy
  /** Before the proxy. */
  readonly counter: PointCounter
  readonly #influxDb: InfluxQl
  readonly #database: string
  #kafka: KafkaTester
  #partitions: number
  #loads: Load[] = []
  /** What must not be, as seen by the witness. */
  readonly #seen: string[] = []
  #isOver = false

  private constructor(
    kafka: KafkaTester,
    influxDb: InfluxQl,
    database: string,
    proxy: FaultProxy,
    counter: PointCounter,
    partitions: number,
  ) {
    this.#kafka = kafka
    this.#influxDb = influxDb
    this.#database = database
    this.proxy = proxy
    this.counter = counter
    this.#partitions = partitions
  }

  static async open({ brokers, partitions }: GroupSceneOptions): Promise<GroupScene> {
    const kafka = await KafkaTester.connect(brokers === undefined ? await shared('kafka') : { brokers })
    const { url } = await shared('influxdb')
    const influxDb = influxQl({ url })
    const database = uniqueName('db')
    await influxDb.query(`CREATE DATABASE "${database}"`)
    const proxy = await FaultProxy.start({ targetPort: Number(new URL(url).port) })
    const counter = await PointCounter.start(`http://127.0.0.1:${proxy.port}`)
    const scene = new GroupScene(kafka, influxDb, database, proxy, counter, partitions)
    onTestFinished(() => scene.#close())
    await kafka.topic({ topic: scene.topic, partitions })
    void scene.#witness()
    return scene
  }

  get kafka(): KafkaTester {
    return this.#kafka
  }

  /** One more in the group. */
  async start(env: WorkerOptions['env'] = {}): Promise<WorkerProcess> {
    const worker = await startWorker({
      env: {
        CFMR_KAFKA_BROKERS: this.#kafka.brokers.join(','),
        CFMR_KAFKA_TOPICS: this.topic,
        CFMR_KAFKA_CONSUMERGROUP: this.group,
        CFMR_KAFKA_SESSIONTIMEOUT: '6s',
        CFMR_INFLUXDB_ADDR: this.counter.url,
        CFMR_INFLUXDB_DATABASE: this.#database,
        CFMR_BATCHER_FLUSHINTERVAL: '300ms',
        CFMR_CF_API: sampleAppsApi,
        ...env,
      },
    })
    this.workers.add(worker)
    void worker.exited.then(() => this.workers.delete(worker))
    return worker
  }

  /** Sends to all partitions there are now, until `stopLoad`. */
  startLoad(perSecond: number): void {
    const topics = [{ topic: this.topic, partitions: this.#partitions }]
    this.#loads.push(new Load({ kafka: this.#kafka.client, topics, mix, perSecond, from: this.#loads.length * LOAD_NUMBERS }))
  }

  async stopLoad(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()))
  }

  async addPartitions(count: number): Promise<void> {
    const topicPartitions = [{ topic: this.topic, count }]
    await this.#kafka.admin.createPartitions({ topicPartitions })
    this.#partitions = count
    await waitUntil('Kafka shows the new partitions', async () => {
      // What a client has seen of a topic it asks for again only after minutes.
      const { brokers } = this.#kafka
      const fresh = await KafkaTester.connect({ brokers })
      const before = this.#kafka
      this.#kafka = fresh
      await before.close()
      return fresh.ends(this.topic).then(
        (ends) => ends.length === count,
        () => false,
      )
    })
  }

  /** Resolves when every partition has been read by a worker of `workers` up to where it ends now, and none by two of them. */
  async readOn(): Promise<void> {
    const ends = await waitUntil('Kafka says where the partitions end', () => this.#kafka.ends(this.topic).catch(() => undefined), {
      timeoutMs: 120_000,
    })
    let seen: unknown
    await waitUntil(
      'every partition is read by somebody',
      async () => {
        const rows = (await this.#figures()).flatMap(({ stats }) => stats.kafka.partitions)
        seen = rows.map(({ partition, position }) => `${partition}: ${position}/${ends[partition]}`)
        return (
          rows.length === ends.length &&
          ends.every((end, of) => rows.some(({ partition, position }) => partition === of && (position ?? -1) >= end))
        )
      },
      { timeoutMs: 180_000 },
    ).catch((error: Error) => {
      throw new Error(`${error.message}; seen was ${JSON.stringify(seen)}`)
    })
  }

  /** Ends the load and waits until the group has committed everything; then nothing may be missing, and all must have been as it should. */
  async expectNothingLost(extraLogs = 0): Promise<void> {
    await this.stopLoad()
    await waitUntil(
      'all is committed',
      () =>
        this.#kafka.lag(this.group, this.topic).then(
          (lag) => lag === 0,
          () => false,
        ),
      { timeoutMs: 180_000 },
    )
    const sent = { http_request: 0, log: extraLogs, instance: 0 }
    for (const load of this.#loads) for (const kind of ['http_request', 'log', 'instance'] as const) sent[kind] += load.sent[kind]
    const counts = Object.entries(fields).map(async ([name, field]) => [name, await this.#influxDb.count(this.#database, name, field)])
    expect(Object.fromEntries(await Promise.all(counts))).toEqual(sent)
    expect(this.#seen).toEqual([])
  }

  /** SIGTERM to all that are left, who have to end well. Resolves to the sum of what `consumed` was in the ledgers of `everyone`. */
  async stopAll(...everyone: readonly WorkerProcess[]): Promise<number> {
    const exits = await Promise.all([...this.workers].map((worker) => worker.stop()))
    expect(exits).toEqual(exits.map(() => ({ code: 0, signal: undefined })))
    return everyone.reduce((sum, worker) => sum + lastStats(worker).ledger.consumed, 0)
  }

  /** Messages in the topic. */
  async inTopic(): Promise<number> {
    return (await this.#kafka.ends(this.topic)).reduce((sum, end) => sum + end, 0)
  }

  async #figures(): Promise<{ readonly worker: WorkerProcess; readonly stats: StatsSnapshot }[]> {
    const answers = await Promise.allSettled([...this.workers].map(async (worker) => ({ worker, stats: await worker.stats() })))
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  }

  async #witness(): Promise<void> {
    let committed: readonly number[] = []
    const positions = new Map<WorkerProcess, ReadonlyMap<number, number>>()
    while (!this.#isOver) {
      const now = await this.#kafka.committed(this.group, this.topic).catch(() => committed)
      for (const [partition, before] of committed.entries()) {
        const offset = now[partition] ?? before
        if (offset < before) this.#seen.push(`the committed offset of partition ${partition} went back from ${before} to ${offset}`)
      }
      committed = now
      for (const { worker, stats } of await this.#figures()) {
        const { ledger, kafka } = stats
        if (ledger.residue !== 0) this.#seen.push(`a ledger does not close: ${JSON.stringify(ledger)}`)
        if (kafka.skipped !== 0) this.#seen.push(`messages were skipped: ${kafka.skipped}`)
        const before = positions.get(worker)
        const here = new Map(kafka.partitions.flatMap(({ partition, position }) => (position === null ? [] : [[partition, position]])))
        positions.set(worker, here)
        for (const [partition, position] of here) {
          const hasBegun = position < (before?.get(partition) ?? Number.POSITIVE_INFINITY)
          if (hasBegun && position < (committed[partition] ?? -1))
            this.#seen.push(`partition ${partition} was begun at ${position}, below ${committed[partition]}, which is committed`)
        }
      }
      await sleep(150)
    }
  }

  async #close(): Promise<void> {
    this.#isOver = true
    await this.stopLoad().catch(() => {})
    await Promise.all([this.counter.close(), this.proxy.close(), this.#kafka.close().catch(() => {})])
  }
}

/** The figures go to the log once more at the end. */
function lastStats(worker: WorkerProcess): StatsSnapshot {
  return worker.log.findLast(({ stats }) => stats !== undefined)?.['stats'] as StatsSnapshot
}
