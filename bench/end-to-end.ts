import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Admin, Kafka } from 'kafkajs'
import { dyingWithUs } from '../dev/dying-with-us.ts'
import { startKafka } from '../dev/kafka.ts'
import { createTopics, kafkaClient } from '../dev/kafka-client.ts'
import { Load } from '../dev/load/load.ts'
import { loadMix, type Mix } from '../dev/load/mix.ts'
import { cpuSeconds } from '../dev/process-usage.ts'
import { scratchFolder } from '../dev/scratch-folder.ts'
import { WorkerProcess } from '../dev/worker-process.ts'

/**
 * What the whole worker costs: the built program reads a full topic of a real Kafka and writes it to a sink that keeps
 * nothing. CPU is user and system time of all its threads up to the last commit, less what an idle one's start takes, as a
 * ratio to JSON.parse of the same bytes in the same run.
 */
const { values: options } = parseArgs({
  options: {
    envelopes: { type: 'string', default: '400000' },
    partitions: { type: 'string', default: '4' },
    apps: { type: 'string' },
    compression: { type: 'string', default: 'uncompressed' },
    gzip: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const envelopes = Number(options.envelopes)
const partitions = Number(options.partitions)
const say = (text: string) => console.error(text)

interface Result {
  readonly envelopes: number
  readonly partitions: number
  readonly apps: number
  readonly compression: string
  readonly gzip: boolean
  readonly json_parse_cpu_seconds: number
  readonly idle_start_cpu_seconds: number
  readonly worker_cpu_seconds: number
  readonly worker_cpu_seconds_per_million: number
  readonly ratio_to_json_parse: number
  /** From the first offset committed to the last: start and warm-up are not in it. */
  readonly envelopes_per_second: number
  readonly peak_rss_mb: number
}

const result = await measure()
if (options.json) console.log(JSON.stringify(result))
else for (const [name, value] of Object.entries(result)) console.log(`${name.replaceAll('_', ' ').padEnd(34)} ${value}`)

async function measure(): Promise<Result> {
  const mix = loadMix({ apps: options.apps === undefined ? undefined : Number(options.apps) })
  say(`JSON.parse of ${envelopes} envelopes …`)
  const baseline = jsonParseSeconds()
  const kafka = await startKafka()
  const sink = await startNullSink()
  try {
    const client = kafkaClient(kafka.brokers)
    await createTopics(client, [{ topic: 'empty' }, { topic: 'full', partitions, config: { 'compression.type': options.compression } }])
    say('filling the topic …')
    await new Load({ kafka: client, topics: [{ topic: 'full', partitions }], mix, count: envelopes }).done
    const env = environment(kafka.brokers, sink.url, mix)
    say('an idle worker …')
    const idle = await idleStartSeconds({ ...env, CFMR_KAFKA_TOPICS: 'empty', CFMR_KAFKA_CONSUMERGROUP: 'idle' })
    say('the worker …')
    const { cpu, elapsedSeconds, peakRssBytes } = await drain(
      client,
      { ...env, CFMR_KAFKA_TOPICS: 'full', CFMR_KAFKA_CONSUMERGROUP: 'full' },
      mix,
    )
    return {
      envelopes,
      partitions,
      apps: mix.apps.length,
      compression: options.compression,
      gzip: options.gzip,
      json_parse_cpu_seconds: rounded(baseline),
      idle_start_cpu_seconds: rounded(idle),
      worker_cpu_seconds: rounded(cpu - idle),
      worker_cpu_seconds_per_million: rounded(((cpu - idle) / envelopes) * 1e6),
      ratio_to_json_parse: rounded((cpu - idle) / baseline),
      envelopes_per_second: Math.round(envelopes / elapsedSeconds),
      peak_rss_mb: Math.round(peakRssBytes / 2 ** 20),
    }
  } finally {
    sink.stop()
    await kafka.close()
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

function jsonParseSeconds(): number {
  const script = fileURLToPath(new URL('json-parse.ts', import.meta.url))
  return Number(execFileSync(process.execPath, ['--import', 'tsx', script, String(envelopes), options.apps ?? '0'], { encoding: 'utf8' }))
}

async function startNullSink(): Promise<{ readonly url: string; stop(): void }> {
  const script = fileURLToPath(new URL('null-sink.ts', import.meta.url))
  const [command, ...args] = dyingWithUs([process.execPath, '--import', 'tsx', script])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(createInterface({ input: child.stdout }), 'line')
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() }
}

function environment(brokers: readonly string[], sinkUrl: string, mix: Mix): Record<string, string> {
  const apps = join(scratchFolder('bench'), 'apps.json')
  writeFileSync(apps, JSON.stringify(mix.apps))
  return {
    CFMR_KAFKA_BROKERS: brokers.join(','),
    CFMR_CF_API: `file:${apps}`,
    CFMR_INFLUXDB_ADDR: sinkUrl,
    CFMR_INFLUXDB_DATABASE: 'bench',
    CFMR_INFLUXDB_GZIP: String(options.gzip),
    CFMR_LOGLEVEL: 'WARN',
  }
}

async function idleStartSeconds(env: Record<string, string>): Promise<number> {
  const worker = await WorkerProcess.start({ env })
  await worker.ready()
  const seconds = cpuSeconds(worker.pid)
  await worker.stop()
  return seconds
}

interface Drained {
  readonly cpu: number
  readonly elapsedSeconds: number
  readonly peakRssBytes: number
}

/** Watches from outside, so that being measured costs the worker nothing: Kafka says what is committed, the kernel what it cost. */
async function drain(client: Kafka, env: Record<string, string>, mix: Mix): Promise<Drained> {
  const admin = client.admin()
  await admin.connect()
  const worker = await WorkerProcess.start({ env })
  try {
    let first: { readonly ms: number; readonly count: number } | undefined
    await worker.waitUntil(
      'everything is committed',
      async () => {
        const count = await committed(admin)
        if (count > 0) first ??= { ms: performance.now(), count }
        return count >= envelopes
      },
      { timeoutMs: 600_000, everyMs: 25 },
    )
    const cpu = cpuSeconds(worker.pid)
    const elapsedSeconds = (performance.now() - (first?.ms ?? 0)) / 1000
    const { peakRssBytes } = worker
    const { ledger } = await worker.stats()
    const points = Array.from({ length: envelopes }, (_, number) => mix.kind(number)).filter((kind) => kind !== 'discarded').length
    if (ledger.written !== points || ledger.residue !== 0) throw new Error(`${points} points were to be written: ${JSON.stringify(ledger)}`)
    return { cpu, elapsedSeconds: (elapsedSeconds * envelopes) / (envelopes - (first?.count ?? 0)), peakRssBytes }
  } finally {
    await worker.stop()
    await admin.disconnect()
  }
}

async function committed(admin: Admin): Promise<number> {
  const [topic] = await admin.fetchOffsets({ groupId: 'full', topics: ['full'] })
  return (topic?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
}
