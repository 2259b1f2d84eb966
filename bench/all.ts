import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** `npm run bench`: every bench in turn, each with the baseline of its own run, beside what it must keep. */
const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })

interface Bench {
  readonly name: string
  readonly script: string
  readonly args?: readonly string[]
  /** By figure: what is asked of it. */
  readonly floors: Readonly<Record<string, string>>
}

const benches: readonly Bench[] = [
  {
    name: 'hot path: decode, enrich, encode',
    script: 'hot-path.ts',
    floors: { times_the_speed_of_json_parse: '≥ 2.0', growth_100_to_100000_apps: '≤ 1.3', growth_per_byte_1_to_64_kb_logs: '≤ 1.3' },
  },
  { name: 'end to end', script: 'end-to-end.ts', floors: { ratio_to_json_parse: '≤ 2.0', peak_rss_mb: '≤ 200' } },
  {
    name: 'end to end, snappy topics',
    script: 'end-to-end.ts',
    args: ['--compression', 'snappy'],
    floors: { ratio_to_json_parse: '≤ 2.5' },
  },
  { name: 'end to end, gzip to InfluxDB', script: 'end-to-end.ts', args: ['--gzip'], floors: { ratio_to_json_parse: '≤ 3.0' } },
]

const results = benches.map(({ script, args = [] }) => {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const output = execFileSync(process.execPath, ['--import', 'tsx', path, '--json', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(output) as Record<string, unknown>
})

if (options.json) console.log(JSON.stringify(Object.fromEntries(benches.map(({ name }, i) => [name, results[i]]))))
else {
  benches.forEach(({ name, floors }, i) => {
    console.log(`\n${name}`)
    for (const [figure, value] of Object.entries(results[i] ?? {})) {
      console.log(`  ${figure.replaceAll('_', ' ').padEnd(34)} ${String(value).padEnd(14)} ${floors[figure] ?? ''}`.trimEnd())
    }
  })
}
