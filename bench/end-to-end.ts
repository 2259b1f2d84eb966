import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startKafka } from '../dev/kafka.ts'
import { createTopics, kafkaClient } from '../dev/kafka-client.ts'
import { loadMix } from '../dev/load/mix.ts'
import { fillTopic } from './end-to-end/fill-topic.ts'
import { keepsEvents, OUTPUTS, startOutputs } from './end-to-end/outputs.ts'
import { startInfluxDbSink, startNullSink, startTlsSink } from './end-to-end/sinks.ts'
import { type Drained, drain, idleStart, workerEnvironment } from './end-to-end/worker-runs.ts'
import { median, medianOf, printResult, type Result, rounded } from './figures.ts'

/**
 * What the whole worker costs: the built program reads a full topic of a real Kafka and writes it to a sink that keeps
 * nothing (`--sink tls`: over TLS), or to InfluxDB 1.6.7, which is asked afterwards whether it has every point; with `--output` to the
 * real server of another output, or of six at once. CPU is user and system time of all its
 * threads up to the last commit, less what an idle one's start takes, as a ratio to JSON.parse of the same bytes in the same
 * run, in turn with it. That of influxd is counted as long, with what it compacts meanwhile. Medians of three runs; to servers
 * that keep what they get it is a single one, since the next would find all of it there.
 */
const { values: options } = parseArgs({
  options: {
    envelopes: { type: 'string', default: '1200000' },
    partitions: { type: 'string', default: '4' },
    apps: { type: 'string' },
    compression: { type: 'string', default: 'uncompressed' },
    gzip: { type: 'boolean', default: false },
    sink: { type: 'string', default: 'null' },
    output: { type: 'string', default: 'points' },
    json: { type: 'boolean', default: false },
  },
})
const envelopes = Number(options.envelopes)
const partitions = Number(options.partitions)
const { compression, gzip } = options
const startSink = { null: startNullSink, tls: startTlsSink, influxdb: startInfluxDbSink }[options.sink]
if (startSink === undefined) throw new Error(`--sink ${options.sink}: expected null, tls or influxdb`)
const { output } = options
if (!output.split(',').every((name) => OUTPUTS.includes(name))) throw new Error(`--output ${output}: expected ${OUTPUTS.join(', ')}`)
const ROUNDS = 3
const drains = options.sink === 'influxdb' || keepsEvents(output) ? 1 : ROUNDS
const say = (text: string) => console.error(text)

printResult(await measure(startSink), options.json)

async function measure(start: typeof startNullSink): Promise<Result> {
  const mix = loadMix({ apps: options.apps === undefined ? undefined : Number(options.apps) })
  const kafka = await startKafka()
  const client = kafkaClient(kafka.brokers)
  const sink = await start()
  const servers = await startOutputs(output, { client })
  try {
    say('filling the topic …')
    await createTopics(client, [{ topic: 'empty' }])
    await fillTopic({ kafka: client, topic: 'full', partitions, mix, envelopes, compression })
    const env = { ...workerEnvironment(kafka.brokers, sink, mix), ...sink.env, CFMR_INFLUXDB_GZIP: String(gzip), ...servers.env }
    say('idle workers …')
    const idle = await medianOf(ROUNDS, async () => (await idleStart(env, 'empty', servers.nodeArgs)).cpuSeconds)
    const baselines: number[] = []
    const runs: Drained[] = []
    for (let round = 1; round <= drains; round++) {
      say(`JSON.parse of ${envelopes} envelopes …`)
      baselines.push(jsonParseSeconds())
      say('the worker …')
      runs.push(await drain({ client, env, nodeArgs: servers.nodeArgs, topic: 'full', group: `full-${round}`, mix, envelopes, sink }))
    }
    const drained = (figure: keyof Drained) => median(runs.map((run) => run[figure]))
    const baseline = median(baselines)
    const cpu = drained('cpuSeconds') - idle
    return {
      envelopes,
      partitions,
      apps: mix.apps.length,
      compression,
      gzip,
      sink: options.sink,
      output,
      json_parse_cpu_seconds: rounded(baseline),
      idle_start_cpu_seconds: rounded(idle),
      worker_cpu_seconds: rounded(cpu),
      worker_cpu_seconds_per_million: rounded(perMillion(cpu)),
      ratio_to_json_parse: rounded(cpu / baseline),
      ...(options.sink === 'influxdb' && {
        influxd_cpu_seconds: rounded(drained('sinkCpuSeconds')),
        influxd_cpu_seconds_per_million: rounded(perMillion(drained('sinkCpuSeconds'))),
      }),
      envelopes_per_second: Math.round(drained('envelopesPerSecond')),
      peak_rss_mb: Math.round(drained('peakRssBytes') / 2 ** 20),
    }
  } finally {
    await servers.close()
    await sink.close()
    await kafka.close()
  }
}

function perMillion(seconds: number): number {
  return (seconds / envelopes) * 1e6
}

function jsonParseSeconds(): number {
  const script = fileURLToPath(new URL('end-to-end/json-parse.ts', import.meta.url))
  return Number(execFileSync(process.execPath, ['--import', 'tsx', script, String(envelopes), options.apps ?? '0'], { encoding: 'utf8' }))
}
