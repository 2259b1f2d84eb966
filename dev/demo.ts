import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { sleep } from '../src/lib/sleep.ts'
import { startCloudController } from './cloud-controller/cloud-controller.ts'
import { embeddedDemo } from './demo/embedded.ts'
import { busiestApps, reportText, storedOf } from './demo/report.ts'
import { type DemoServers, demoServers } from './demo/servers.ts'
import { createTopics, kafkaClient } from './kafka-client.ts'
import { Load } from './load/load.ts'
import { loadMix } from './load/mix.ts'
import { WorkerProcess } from './worker-process.ts'

/** `npm run demo`: the program at its main job, on real servers, as a user would run it. */
const { values: options } = parseArgs({
  options: {
    /** Until Ctrl-C without it. */
    seconds: { type: 'string' },
    rate: { type: 'string', default: '5000' },
  },
})

/** Ctrl-C once: end and count. Twice: end. */
const stop = new AbortController()
process.on('SIGINT', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
process.on('SIGTERM', () => stop.abort())

console.log('Starting Kafka and InfluxDB (the first time they are fetched, which takes a minute) …')
const servers = await demoServers()
if (servers === undefined) {
  console.log(
    'No servers: there is neither Java 17 with Maven and apt-get, nor Docker, nor are CFMR_KAFKA_BROKERS and CFMR_INFLUXDB_ADDR set.\n' +
      'This is the same pipeline embedded: a sample of envelopes from a file, their points on stdout.\n',
  )
  process.exitCode = await embeddedDemo()
} else {
  try {
    process.exitCode = (await demo(servers)) ? 0 : 1
  } finally {
    await servers.close()
  }
}

/** Resolves to whether all that was sent is stored. */
async function demo(servers: DemoServers): Promise<boolean> {
  const id = randomUUID().slice(0, 8)
  const topics = [
    { topic: `cf-logs-${id}`, partitions: 2 },
    { topic: `cf-metrics-${id}`, partitions: 2 },
  ]
  const database = `cf_demo_${id}`
  const perSecond = Number(options.rate)
  const mix = loadMix({ firstTimestampNs: BigInt(Date.now()) * 1_000_000n, stepNs: BigInt(Math.round(1e9 / perSecond)) })
  const cloudController = await startCloudController({ apps: mix.apps })
  const kafka = kafkaClient(servers.brokers)
  await createTopics(kafka, topics)
  await servers.influxQl.query(`CREATE DATABASE "${database}"`)

  const worker = await WorkerProcess.start({
    env: {
      ...servers.env,
      CFMR_KAFKA_BROKERS: servers.brokers.join(','),
      CFMR_KAFKA_TOPICS: topics.map(({ topic }) => topic).join(','),
      CFMR_KAFKA_CONSUMERGROUP: `demo-${id}`,
      CFMR_INFLUXDB_ADDR: servers.influxDbUrl,
      CFMR_INFLUXDB_DATABASE: database,
      CFMR_CF_API: cloudController.url,
      CFMR_CF_USER: 'admin',
      CFMR_CF_PASSWORD: 'admin',
    },
    onLog: (line) => {
      if (line.level === 'WARN' || line.level === 'ERROR') console.log(`worker: ${JSON.stringify(line)}`)
    },
  })
  try {
    await worker.ready({ timeoutMs: 60_000 })
    console.log(`
  servers    ${servers.origin}
  Kafka      ${servers.brokers.join(',')}   topics ${topics.map(({ topic }) => topic).join(', ')}
  InfluxDB   ${servers.influxDbUrl}   database ${database}
  worker     ${worker.url}   look at /stats, /metrics, /readyz
  sending    ${perSecond} envelopes a second${options.seconds ? `, for ${options.seconds} s` : '; Ctrl-C ends it and counts'}
`)
    const load = new Load({ kafka, topics, mix, perSecond })
    await showProgress(worker, load)
    await load.stop()
    await worker.waitUntil(
      'everything sent is read and settled',
      async () => {
        const { ledger } = await worker.stats()
        return ledger.consumed >= load.sentCount && ledger.in_flight === 0
      },
      { timeoutMs: 120_000, everyMs: 200 },
    )
    const { ledger } = await worker.stats()
    const exit = await worker.stop()

    const stored = await storedOf(servers.influxQl, database, load.sent)
    console.log(`\n${reportText(stored, await busiestApps(servers.influxQl, database, 5))}\n`)
    const isComplete = stored.every((row) => row.stored === row.sent) && ledger.residue === 0 && exit.code === 0
    console.log(
      `${load.sentCount} envelopes sent, ${load.sent.discarded} of kinds that make no point, ${load.pointCount} points expected: ${isComplete ? 'nothing is missing' : 'SOMETHING IS MISSING'}`,
    )
    return isComplete
  } finally {
    await worker.stop()
    await cloudController.close()
  }
}

/** A line a second until it is time to end. */
async function showProgress(worker: WorkerProcess, load: Load): Promise<void> {
  const end = options.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(options.seconds) * 1000
  console.log(
    ['time', 'sent', 'read', 'written', 'lag', 'in flight', 'apps cached', 'ms a write'].map((title) => title.padStart(13)).join(''),
  )
  for (let second = 1; !stop.signal.aborted && worker.isRunning && Date.now() < end; second++) {
    await sleep(1000, stop.signal)
    const stats = await worker.stats().catch(() => undefined)
    if (stats === undefined) continue
    const { ledger, kafka, metadata, influxdb } = stats
    const cells = [
      `${second} s`,
      load.sentCount,
      ledger.consumed,
      ledger.written,
      kafka.lag,
      ledger.in_flight,
      metadata.apps,
      Math.round(influxdb.write_seconds.p50 * 1000),
    ]
    console.log(cells.map((cell) => cell.toLocaleString('en').padStart(13)).join(''))
  }
}
