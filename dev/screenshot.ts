import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { sleep } from '../src/lib/sleep.ts'
import { startChromium } from './chromium.ts'
import { startCloudController } from './cloud-controller/cloud-controller.ts'
import { startInfluxDb } from './influxdb.ts'
import { startKafka } from './kafka.ts'
import { createTopics, kafkaClient } from './kafka-client.ts'
import { Load } from './load/load.ts'
import { loadMix } from './load/mix.ts'
import { WorkerProcess } from './worker-process.ts'

/** `npm run screenshot`: docs/page.png, the page of a worker that has been at work on real servers for a minute and a half. */
const file = fileURLToPath(new URL('../docs/page.png', import.meta.url))
const watchedMs = 90_000

const browser = await startChromium()
if (typeof browser === 'string') throw new Error(browser)
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

console.log(`${worker.url} is watched for ${watchedMs / 1000} s …`)
const page = await browser.newPage({ viewport: { width: 1120, height: 720 }, colorScheme: 'light' })
await page.goto(worker.url)
const endMs = Date.now() + watchedMs
for (let from = 0, wave = 0; Date.now() < endMs; wave++) {
  // A load that changes, as people's does: a flat line shows little.
  const perSecond = 4000 + Math.round(1500 * Math.sin(wave / 2) + 700 * Math.sin(wave * 1.7))
  const load = new Load({ kafka: client, topics, mix, perSecond, from })
  await sleep(5000)
  await load.stop()
  from += load.sentCount
}
const end = await page.locator('#ledger').boundingBox()
const height = Math.round((end?.y ?? 0) + (end?.height ?? 0)) + 12
await page.screenshot({ path: file, clip: { x: 0, y: 0, width: 1120, height }, fullPage: true })
console.log(`${file}: ${Math.ceil(statSync(file).size / 1024)} KiB`)

await browser.close()
await worker.stop()
await Promise.all([kafka.close(), influxDb.close(), cloudController.close()])
