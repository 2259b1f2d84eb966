import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { nearest } from '../src/lib/nearest.ts'
import { sleep } from '../src/lib/sleep.ts'
import { startCloudController } from './cloud-controller/cloud-controller.ts'
import { type Destination, destinations } from './demo/destinations.ts'
import { dockerDemo } from './demo/docker.ts'
import { firehoseDemo } from './demo/firehose.ts'
import { busiestApps, busiestText, reportText, rowsOf, storedOf } from './demo/report.ts'
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
    /** Where from: a real Kafka; a gateway as the firehose has it, without Kafka; containers of a real Docker engine, which go to InfluxDB. */
    input: { type: 'string', default: 'kafka' },
    /** Where to; each on its real server. */
    output: { type: 'string', default: 'influxdb' },
  },
})

/** Ctrl-C once: end and count. Twice: end. */
const stop = new AbortController()
process.on('SIGINT', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
process.on('SIGTERM', () => stop.abort())

const { input, output } = options
choose('--input', input, ['kafka', 'firehose', 'docker'])
const outputs = ['influxdb', ...Object.keys(destinations)]
choose('--output', output, outputs)

const perSecond = Number(options.rate)
const seconds = options.seconds === undefined ? undefined : Number(options.seconds)
if (input === 'firehose') process.exitCode = await withoutKafka(output)
else if (input === 'docker') process.exitCode = (await dockerDemo({ seconds, stop: stop.signal })) ? 0 : 1
else {
  console.log('Starting Kafka and InfluxDB (the first time they are fetched, which takes a minute) …')
  const servers = await demoServers()
  if (servers === undefined) {
    console.log(
      'No servers: there is neither Java 17 with Maven and apt-get, nor Docker, nor are CFMR_KAFKA_BROKERS and CFMR_INFLUXDB_ADDR set.\n' +
        'This is the program without Kafka, reading from the firehose and writing to stdout: npm run demo -- --input firehose\n',
    )
    process.exitCode = await withoutKafka('stdout')
  } else {
    try {
      process.exitCode = (await demo(servers)) ? 0 : 1
    } finally {
      await servers.close()
    }
  }
}

async function withoutKafka(to: string): Promise<0 | 1> {
  return (await firehoseDemo({ output: to, perSecond, seconds, stop: stop.signal })) ? 0 : 1
}

/** Ends the process where it is none of them. */
function choose(option: string, found: string, all: readonly string[]): void {
  if (all.includes(found)) return
  const meant = all.find((name) => name.startsWith(found)) ?? nearest(found, all)
  console.error(`${option}: found "${found}", expected one of ${all.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`)
  process.exit(2)
}

/** Resolves to whether all that was sent is stored. */
async function demo(servers: DemoServers): Promise<boolean> {
  const id = randomUUID().slice(0, 8)
  const topics = [
    { topic: `cf-logs-${id}`, partitions: 2 },
    { topic: `cf-metrics-${id}`, partitions: 2 },
  ]
  const database = `cf_demo_${id}`
  const mix = loadMix({ firstTimestampNs: BigInt(Date.now()) * 1_000_000n, stepNs: BigInt(Math.round(1e9 / perSecond)) })
  const cloudController = await startCloudController({ apps: mix.apps })
  const kafka = kafkaClient(servers.brokers)
  await createTopics(kafka, topics)
  await servers.influxQl.query(`CREATE DATABASE "${database}"`)

  const destination = await destinationOf({ id, kafka, mix })
  const worker = await WorkerProcess.start({
    ...(destination?.onOutput && { onOutput: destination.onOutput }),
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
      ...destination?.env,
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
  ${destination?.place ?? `InfluxDB   ${servers.influxDbUrl}   database ${database}`}
  worker     ${worker.url}   look at /stats, /metrics, /readyz
  sending    ${perSecond} envelopes a second${options.seconds ? `, for ${options.seconds} s` : '; Ctrl-C ends it and counts'}${destination === undefined ? '' : `\n  look       ${destination.look}`}
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

    const stored =
      destination === undefined
        ? await storedOf(servers.influxQl, database, load.sent)
        : rowsOf(await storedSoon(destination, load.sent), load.sent)
    console.log(`\n${reportText(stored)}\n`)
    if (destination === undefined) console.log(`${busiestText(await busiestApps(servers.influxQl, database, 5))}\n`)
    else for (const example of await destination.examples()) console.log(`${example}\n`)
    const isComplete = stored.every((row) => row.stored === row.sent) && ledger.residue === 0 && exit.code === 0
    console.log(
      `${load.sentCount} envelopes sent, ${load.sent.discarded} of kinds that make no point, ${stored.reduce((sum, row) => sum + row.sent, 0)} expected there: ${isComplete ? 'nothing is missing' : 'SOMETHING IS MISSING'}`,
    )
    return isComplete
  } finally {
    await worker.stop()
    await destination?.close()
    await cloudController.close()
  }
}

/** Undefined is InfluxDB, which is there already. */
async function destinationOf(site: Parameters<(typeof destinations)[string]>[0]): Promise<Destination | undefined> {
  try {
    return await destinations[output]?.(site)
  } catch (error) {
    throw new Error(`--output ${output} cannot be shown here: ${(error as Error).message}. Choose another of ${outputs.join(', ')}`, {
      cause: error,
    })
  }
}

/** What nobody acknowledges may still be on its way: looked for once more, for some seconds. */
async function storedSoon(destination: Destination, sent: Load['sent']) {
  for (let tries = 0; ; tries++) {
    const stored = await destination.stored()
    if (tries === 10 || rowsOf(stored, sent).every((row) => row.stored === row.sent)) return stored
    await sleep(500)
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
    const { ledger, kafka, metadata, outputs } = stats
    const { write_seconds: seconds } = outputs[options.output] as { write_seconds: { p50: number } }
    const cells = [
      `${second} s`,
      load.sentCount,
      ledger.consumed,
      ledger.written,
      kafka.lag,
      ledger.in_flight,
      metadata.apps,
      Math.round(seconds.p50 * 1000),
    ]
    console.log(cells.map((cell) => cell.toLocaleString('en').padStart(13)).join(''))
  }
}
