import { randomUUID } from 'node:crypto'
import { sleep } from '../../src/lib/sleep.ts'
import { startCloudController } from '../cloud-controller/cloud-controller.ts'
import { startInfluxDb } from '../influxdb.ts'
import { startKafka } from '../kafka.ts'
import { createTopics, kafkaClient } from '../kafka-client.ts'
import { Load } from '../load/load.ts'
import { loadMix } from '../load/mix.ts'
import type { ScreenshotScene } from '../screenshot.ts'
import { WorkerProcess } from '../worker-process.ts'

const WATCHED_MS = 90_000

/** Envelopes of Kafka topics, in InfluxDB. */
export async function kafkaScene(): Promise<ScreenshotScene> {
  const [kafka, influxDb] = await Promise.all([startKafka(), startInfluxDb({ databases: ['cf_metrics'] })])
  const mix = loadMix({ firstTimestampNs: BigInt(Date.now()) * 1_000_000n })
  const cloudController = await startCloudController({ apps: mix.apps })
  const topics = [
    { topic: 'cf-logs', partitions: 2 },
    { topic: 'cf-metrics', partitions: 2 },
  ]
  const client = kafkaClient(kafka.brokers)
  await createTopics(client, topics)
  const worker = await WorkerProcess.start({
    env: {
      CFMR_KAFKA_BROKERS: kafka.brokers.join(','),
      CFMR_KAFKA_TOPICS: topics.map(({ topic }) => topic).join(','),
      CFMR_KAFKA_CONSUMERGROUP: `screenshot-${randomUUID()}`,
      CFMR_INFLUXDB_ADDR: influxDb.url,
      CFMR_INFLUXDB_DATABASE: 'cf_metrics',
      CFMR_CF_API: cloudController.url,
      CFMR_CF_USER: 'admin',
      CFMR_CF_PASSWORD: 'admin',
    },
  })
  await worker.ready({ timeoutMs: 60_000 })
  return {
    file: 'page.png',
    url: worker.url,
    end: '#ledger',
    watch: async () => {
      const endMs = Date.now() + WATCHED_MS
      for (let from = 0, wave = 0; Date.now() < endMs; wave++) {
        // A load that changes, as people's does: a flat line shows little.
        const perSecond = 4000 + Math.round(1500 * Math.sin(wave / 2) + 700 * Math.sin(wave * 1.7))
        const load = new Load({ kafka: client, topics, mix, perSecond, from })
        await sleep(5000)
        await load.stop()
        from += load.sentCount
      }
    },
    close: async () => {
      await worker.stop()
      await Promise.all([kafka.close(), influxDb.close(), cloudController.close()])
    },
  }
}
