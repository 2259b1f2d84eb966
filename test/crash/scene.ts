import { expect } from 'vitest'
import { type InfluxQl, influxQl } from '../../dev/influxql.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix, type Mix } from '../../dev/load/mix.ts'
import type { WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import { KafkaTester } from '../support/kafka.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { sampleAppsApi, startWorker } from '../support/worker.ts'

export interface SceneOptions {
  /** One that may be broken; without it the one that all tests share. */
  readonly influxDb?: { readonly url: string }
  readonly mix?: Mix
  readonly topicConfig?: Readonly<Record<string, string>>
  /** Of the topic; what is sent goes to the first. */
  readonly partitions?: number
}

const measurements = { http_request: 'count', log: 'count', instance: 'cpu' } as const

/**
 * A topic of one partition, a group and a database, and the count of what became of what was sent. Number n of the load is at
 * offset n, and its point at the load's time n, so that what is committed can be compared with what is written.
 */
export class Scene {
  readonly kafka: KafkaTester
  readonly topic: string
  readonly group = uniqueName('group')
  readonly database: string
  readonly influxDb: InfluxQl
  readonly influxDbServer: { readonly url: string }
  readonly #mix: Mix
  #sent = 0

  private constructor(kafka: KafkaTester, topic: string, database: string, influxDbUrl: string, mix: Mix) {
    this.kafka = kafka
    this.topic = topic
    this.database = database
    this.influxDb = influxQl({ url: influxDbUrl })
    this.influxDbServer = { url: influxDbUrl }
    this.#mix = mix
  }

  static async open({ influxDb, mix = loadMix({ stepNs }), topicConfig = {}, partitions = 1 }: SceneOptions = {}): Promise<Scene> {
    const kafka = await KafkaTester.connect(await shared('kafka'))
    const { url } = influxDb ?? (await shared('influxdb'))
    const scene = new Scene(kafka, await kafka.topic({ config: topicConfig, partitions }), uniqueName('db'), url, mix)
    await scene.influxDb.query(`CREATE DATABASE "${scene.database}"`)
    return scene
  }

  /** Numbers sent so far. */
  get sent(): number {
    return this.#sent
  }

  /** Those of the numbers sent, up to `end`, that make a point of each measurement, or none. */
  kinds(end = this.#sent): Record<keyof typeof measurements | 'discarded', number> {
    const kinds = { http_request: 0, log: 0, instance: 0, discarded: 0 }
    for (let number = 0; number < end; number++) kinds[this.#mix.kind(number)]++
    return kinds
  }

  /** Sends the next `count` envelopes of the load, at most `perSecond`; resolves when Kafka has them. */
  async send(count: number, perSecond?: number): Promise<void> {
    const from = this.#sent
    this.#sent += count
    const topics = [{ topic: this.topic, partitions: 1 }]
    await new Load({ kafka: this.kafka.client, topics, mix: this.#mix, from, count, ...(perSecond && { perSecond }) }).done
  }

  env(more: WorkerOptions['env'] = {}): WorkerOptions['env'] {
    return {
      CFMR_KAFKA_BROKERS: this.kafka.brokers.join(','),
      CFMR_KAFKA_TOPICS: this.topic,
      CFMR_KAFKA_CONSUMERGROUP: this.group,
      CFMR_INFLUXDB_ADDR: this.influxDbServer.url,
      CFMR_INFLUXDB_DATABASE: this.database,
      CFMR_BATCHER_FLUSHINTERVAL: '300ms',
      CFMR_CF_API: sampleAppsApi,
      ...more,
    }
  }

  /** Resolves when the worker's HTTP server answers. */
  async start(env: WorkerOptions['env'] = {}, options: Omit<WorkerOptions, 'env'> = {}): Promise<WorkerProcess> {
    const worker = await startWorker({ ...options, env: this.env(env) })
    await worker.logged(/HTTP server listens/)
    return worker
  }

  async committed(): Promise<number> {
    const [committed = -1] = await this.kafka.committed(this.group, this.topic)
    return committed
  }

  async allCommitted(worker: WorkerProcess): Promise<void> {
    await worker.waitUntil('all is committed', async () => (await this.kafka.lag(this.group, this.topic)) === 0)
  }

  /** Points with a number below `end`; repeats have landed on themselves. */
  async stored(end = this.#sent): Promise<Record<keyof typeof measurements, number>> {
    const before = firstNs + BigInt(end) * stepNs
    const counts = Object.entries(measurements).map(async ([measurement, field]) => {
      const query = `SELECT count("${field}") FROM "${measurement}" WHERE time < ${before}`
      const [row] = await this.influxDb.query(query, this.database)
      return [measurement, Number(row?.['count'] ?? 0)]
    })
    return Object.fromEntries(await Promise.all(counts))
  }

  /** Nothing is committed whose point is not there. */
  async expectCommittedIsStored(): Promise<void> {
    const committed = Math.max(0, await this.committed())
    const { discarded: _, ...points } = this.kinds(committed)
    expect(await this.stored(committed)).toEqual(points)
  }

  /** Of all that was sent, every point is there. */
  async expectAllStored(): Promise<void> {
    const { discarded: _, ...points } = this.kinds()
    expect(await this.stored()).toEqual(points)
  }

  close(): Promise<void> {
    return this.kafka.close()
  }
}

export const firstNs = 1_700_000_000_000_000_000n
/** All of a test within one shard of InfluxDB. */
export const stepNs = 1_000_000n

/** The ledger of a worker that read all `scene` sent, from beginning to end. */
export async function expectLedger(worker: WorkerProcess, expected: Readonly<Record<string, number>>): Promise<void> {
  const none = {
    written: 0,
    discarded: 0,
    no_app_guid: 0,
    not_found: 0,
    undecodable: 0,
    refused: 0,
    dropped: 0,
    over_quota: 0,
    abandoned: 0,
    in_flight: 0,
    residue: 0,
  }
  expect((await worker.stats()).ledger).toEqual({ ...none, ...expected })
}
