import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { linesOf, type Result } from './figures.ts'

/**
 * `npm run bench`: every bench in turn, each with the baseline of its own run, beside what it must keep. With `--envelopes` those on
 * servers take so many instead of their own number: 20,000 show within minutes that all works, and no more, since a
 * process hardly gets warm with them.
 */
const { values: options } = parseArgs({ options: { envelopes: { type: 'string' }, json: { type: 'boolean', default: false } } })
const onServers = options.envelopes === undefined ? [] : ['--envelopes', options.envelopes]

/** Servers that take longer than the worker. */
const toServers = ['--envelopes', options.envelopes ?? '200000']

interface Bench {
  readonly name: string
  readonly script: string
  readonly args?: readonly string[]
  /** By figure: what is asked of it. */
  readonly floors?: Readonly<Record<string, string>>
}

const benches: Bench[] = [
  {
    name: 'hot path: decode, enrich, encode',
    script: 'hot-path.ts',
    floors: {
      times_the_speed_of_json_parse: '≥ 2.0',
      documents_times_the_speed_of_json_parse: '≥ 1.0',
      v2_times_the_speed_of_json_parse: '≥ 1.5',
      growth_100_to_100000_apps: '≤ 1.3',
      growth_per_byte_1_to_64_kb_logs: '≤ 1.3',
    },
  },
  { name: 'end to end', script: 'end-to-end.ts', args: onServers, floors: { ratio_to_json_parse: '≤ 2.0', peak_rss_mb: '≤ 200' } },
  {
    name: 'end to end, documents',
    script: 'end-to-end.ts',
    args: ['--output', 'documents', ...onServers],
    floors: { ratio_to_json_parse: '≤ 3.0', peak_rss_mb: '≤ 256' },
  },
  {
    name: 'end to end, points and documents',
    script: 'end-to-end.ts',
    args: ['--output', 'both', ...onServers],
    floors: { peak_rss_mb: '≤ 256' },
  },
  {
    name: 'end to end, snappy topics',
    script: 'end-to-end.ts',
    args: ['--compression', 'snappy', ...onServers],
    floors: { ratio_to_json_parse: '≤ 2.5' },
  },
  {
    name: 'end to end, gzip to InfluxDB',
    script: 'end-to-end.ts',
    args: ['--gzip', ...onServers],
    floors: { ratio_to_json_parse: '≤ 3.0' },
  },
  { name: 'end to end, TLS to InfluxDB', script: 'end-to-end.ts', args: ['--sink', 'tls', ...onServers] },
  ...['elasticsearch', 'kafka', 's3', 's3-age', 'syslog', 'statsd'].map((output) => ({
    name: `end to end, ${output}`,
    script: 'end-to-end.ts',
    args: ['--output', output, ...toServers],
    floors: { peak_rss_mb: '≤ 256' },
  })),
  {
    name: 'end to end, six outputs at once',
    script: 'end-to-end.ts',
    args: ['--output', 'six', ...toServers],
    floors: { peak_rss_mb: '≤ 256' },
  },
  { name: 'end to end, InfluxDB 1.6.7', script: 'end-to-end.ts', args: ['--sink', 'influxdb', ...onServers] },
  {
    name: 'firehose, 50,000 a second on one core',
    script: 'firehose.ts',
    args: onServers,
    floors: { dropped: '0', share_of_a_core: '≤ 1.0', peak_rss_mb: '≤ 256' },
  },
  { name: 'partitions', script: 'partitions.ts', args: onServers, floors: { worker_more_to_kafkajs_more: '≤ 1.3' } },
  { name: 'end to end, many apps', script: 'apps-growth.ts', args: onServers, floors: { growth_100_to_100000_apps: '≤ 1.3' } },
  { name: 'memory of apps', script: 'apps-memory.ts' },
]

// A Docker engine needs root.
if (process.getuid?.() === 0) {
  const lines = options.envelopes === undefined ? [] : ['--lines', options.envelopes, '--seconds', '20']
  benches.push({
    name: 'docker: logs, usage of 200 containers, 500 followed',
    script: 'docker.ts',
    args: lines,
    floors: { worker_to_dockerd: '< 1', usage_percent_of_a_core: '≤ 2', peak_rss_mb: '≤ 256' },
  })
}

const results: Record<string, Result> = {}
for (const { name, script, args = [], floors } of benches) {
  console.error(`\n${name}`)
  const path = fileURLToPath(new URL(script, import.meta.url))
  const output = execFileSync(process.execPath, ['--import', 'tsx', path, '--json', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  results[name] = JSON.parse(output) as Result
  if (options.json) continue
  console.log(`\n${name}`)
  for (const line of linesOf(results[name], floors)) console.log(`  ${line}`)
}
if (options.json) console.log(JSON.stringify(results))
