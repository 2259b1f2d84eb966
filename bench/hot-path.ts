import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { printResult, rounded } from './figures.ts'
import { type Load, logLoad, mixedLoad, v2Load } from './hot-path/loads.ts'

/**
 * What it costs to turn message bytes into line bytes, or into documents (decode, find the app, encode) in the built program (`npm run build`), as
 * ratios to `JSON.parse(buffer.toString())` of the same bytes in the same process.
 */
const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })

/** Messages enough to be in no cache, as many for few apps as for many. */
const GROWTH_MESSAGES = 100_000

const folder = mkdtempSync(join(tmpdir(), 'hot-path-'))
try {
  const mix = mixedLoad(40_000)
  const small = logLoad(16_000, 1024)
  const large = logLoad(250, 65_536)
  write('mix', mix)
  write('v2', v2Load(40_000))
  write('few-apps', mixedLoad(GROWTH_MESSAGES, 100))
  write('many-apps', mixedLoad(GROWTH_MESSAGES, 100_000))
  write('small-logs', small)
  write('large-logs', large)

  const { 'JSON.parse': parse = 0, mix: hotPath = 0 } = nanoseconds('mix')
  const { 'JSON.parse': parseBeside = 0, 'mix:document': documents = 0 } = nanoseconds('mix', 'mix:document')
  const { 'JSON.parse': parseV2 = 0, v2 = 0 } = nanoseconds('v2')
  const { 'few-apps': few = 0, 'many-apps': many = 0 } = nanoseconds('few-apps', 'many-apps')
  const { 'small-logs': smallNs = 0, 'large-logs': largeNs = 0 } = nanoseconds('small-logs', 'large-logs')
  const result = {
    node: process.version,
    json_parse_ns: Math.round(parse),
    hot_path_ns: Math.round(hotPath),
    times_the_speed_of_json_parse: rounded(parse / hotPath),
    documents_ns: Math.round(documents),
    documents_times_the_speed_of_json_parse: rounded(parseBeside / documents),
    v2_ns: Math.round(v2),
    v2_times_the_speed_of_json_parse: rounded(parseV2 / v2),
    garbage_bytes_per_envelope: rounded(Number(run('--import', 'tsx', script('garbage.mjs')))),
    cold_start_ms: Math.round(JSON.parse(run(script('measure.mjs'), 'cold', folder, 'mix'))),
    growth_100_to_100000_apps: rounded(many / few),
    growth_per_byte_1_to_64_kb_logs: rounded(largeNs / sizeOf(large) / (smallNs / sizeOf(small))),
  }
  printResult(result, options.json)
} finally {
  rmSync(folder, { recursive: true })
}

function write(name: string, { messages, metadata }: Load): void {
  const newline = Buffer.from('\n')
  writeFileSync(join(folder, `${name}.ndjson`), Buffer.concat(messages.flatMap((message) => [message, newline])))
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(metadata))
}

/** For each load, and `JSON.parse` of the first, per message. Those compared with one another share a process. */
function nanoseconds(...loads: string[]): Record<string, number> {
  return JSON.parse(run(script('measure.mjs'), 'rates', folder, ...loads))
}

function run(...args: string[]): string {
  return execFileSync(process.execPath, args, { encoding: 'utf8' })
}

function script(name: string): string {
  return fileURLToPath(new URL(`hot-path/${name}`, import.meta.url))
}

/** On average. */
function sizeOf({ messages }: Load): number {
  return messages.reduce((sum, { length }) => sum + length, 0) / messages.length
}
