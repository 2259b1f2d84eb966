import { type InfluxQl, influxQl } from '../../dev/influxql.ts'
import type { WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import { KafkaTester } from './kafka.ts'
import { shared, uniqueName } from './shared.ts'
import { sampleAppsApi, startWorker } from './worker.ts'

type Env = WorkerOptions['env']

/** What an operator has before the first worker: a Kafka, a consumer group and a database of its own in InfluxDB. */
export class Installation {
  readonly kafka: KafkaTester
  readonly group = uniqueName('group')
  readonly database = uniqueName('db')
  readonly influxDb: InfluxQl
  readonly #influxDbUrl: string

  private constructor(kafka: KafkaTester, influxDbUrl: string) {
    this.kafka = kafka
    this.#influxDbUrl = influxDbUrl
    this.influxDb = influxQl({ url: influxDbUrl })
  }

  /** On a Kafka that all tests share, or on one that may be broken. */
  static async open(kafka: 'kafka' | 'kafka-3.9.1' | KafkaTester = 'kafka'): Promise<Installation> {
    const { url } = await shared('influxdb')
    const installation = new Installation(typeof kafka === 'string' ? await KafkaTester.connect(await shared(kafka)) : kafka, url)
    await installation.influxDb.query(`CREATE DATABASE "${installation.database}"`)
    return installation
  }

  close(): Promise<void> {
    return this.kafka.close()
  }

  /** The variables of a worker that lacks nothing but CFMR_KAFKA_TOPICS, with the load's sample of apps and quick to flush. */
  env(more: Env = {}): Env {
    return {
      CFMR_KAFKA_BROKERS: this.kafka.brokers.join(','),
      CFMR_KAFKA_CONSUMERGROUP: this.group,
      CFMR_INFLUXDB_ADDR: this.#influxDbUrl,
      CFMR_INFLUXDB_DATABASE: this.database,
      CFMR_BATCHER_FLUSHINTERVAL: '300ms',
      CFMR_CF_API: sampleAppsApi,
      ...more,
    }
  }

  start(env: Env, options: Omit<WorkerOptions, 'env'> = {}): Promise<WorkerProcess> {
    return startWorker({ ...options, env: this.env(env) })
  }

  /** Points stored; repeats have landed on themselves. */
  async stored(): Promise<{ readonly http_request: number; readonly log: number; readonly instance: number }> {
    const [http_request, log, instance] = await Promise.all([
      this.influxDb.count(this.database, 'http_request', 'count'),
      this.influxDb.count(this.database, 'log', 'count'),
      this.influxDb.count(this.database, 'instance', 'cpu'),
    ])
    return { http_request, log, instance }
  }

  /** Resolves when the group has committed the end of each topic. */
  async committed(worker: WorkerProcess, ...topics: readonly string[]): Promise<void> {
    await worker.waitUntil('all is committed', async () => {
      const lags = await Promise.all(topics.map((topic) => this.kafka.lag(this.group, topic)))
      return lags.every((lag) => lag === 0)
    })
  }
}
