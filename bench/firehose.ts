import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { dyingWithUs } from '../dev/dying-with-us.ts'
import { loadV2Mix } from '../dev/load/v2-mix.ts'
import { cpuSeconds } from '../dev/process-usage.ts'
import { scratchFolder } from '../dev/scratch-folder.ts'
import { WorkerProcess } from '../dev/worker-process.ts'
import { DATABASE, startNullSink } from './end-to-end/sinks.ts'
import { printResult, type Result, rounded } from './figures.ts'

/**
 * What comes over the firehose at a rate, with the whole worker on one core (`taskset`): whether it drops any of it, what it costs, and how much memory it takes. CPU is
 * also told as a ratio to JSON.parse of the same bytes in the same run. The points go to a sink that keeps nothing. Where the machine does other work too, the rate that the gateway could send shows it.
 */
const { values: options } = parseArgs({
  options: {
    envelopes: { type: 'string', default: '2000000' },
    rate: { type: 'string', default: '50000' },
    core: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
})
const envelopes = Number(options.envelopes)
/** So many are parsed; the time for all is worked out. */
const PARSED = 40_000

printResult(await measure(), options.json)

async function measure(): Promise<Result> {
  const parse = (jsonParseSeconds() / PARSED) * envelopes
  const sink = await startNullSink()
  const gateway = gatewayProcess()
  const lines = createInterface({ input: gateway.stdout })[Symbol.asyncIterator]()
  const { value: port } = await lines.next()
  const apps = join(scratchFolder('bench'), 'apps.json')
  writeFileSync(apps, JSON.stringify(loadV2Mix().apps))
  const worker = await WorkerProcess.start({
    wrap: (command) => ['taskset', '-c', options.core, ...command],
    env: {
      ...{ CFMR_INPUT: 'firehose', CFMR_FIREHOSE_URL: `http://127.0.0.1:${port}`, CFMR_CF_TOKEN: 'bench', CFMR_CF_API: `file:${apps}` },
      ...{ CFMR_INFLUXDB_ADDR: sink.url, CFMR_INFLUXDB_DATABASE: DATABASE, CFMR_LOGLEVEL: 'WARN' },
    },
  })
  try {
    await worker.ready()
    const before = cpuSeconds(worker.pid)
    const { value: seconds } = await lines.next()
    const { ledger } = await worker.waitUntil(
      'all is settled',
      async () => {
        const stats = await worker.stats()
        return stats.ledger.consumed >= envelopes && stats.ledger.in_flight === 0 && stats
      },
      { timeoutMs: 120_000 },
    )
    const cpu = cpuSeconds(worker.pid) - before
    return {
      envelopes,
      wanted_per_second: Number(options.rate),
      envelopes_per_second: Math.round(envelopes / Number(seconds)),
      dropped: ledger.dropped,
      written: ledger.written,
      discarded: ledger.discarded,
      worker_cpu_seconds_per_million: rounded((cpu / envelopes) * 1e6),
      ratio_to_json_parse: rounded(cpu / parse),
      share_of_a_core: rounded(cpu / Number(seconds)),
      peak_rss_mb: Math.round(worker.peakRssBytes / 2 ** 20),
    }
  } finally {
    await worker.kill()
    gateway.kill()
    await sink.close()
  }
}

function gatewayProcess() {
  const script = fileURLToPath(new URL('firehose/gateway.ts', import.meta.url))
  const [command, ...args] = dyingWithUs([process.execPath, '--import', 'tsx', script, options.envelopes, options.rate])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  void once(child, 'error').then(([error]) => {
    throw error
  })
  return child
}

function jsonParseSeconds(): number {
  const script = fileURLToPath(new URL('end-to-end/json-parse.ts', import.meta.url))
  return Number(execFileSync(process.execPath, ['--import', 'tsx', script, String(PARSED), '0', 'v2'], { encoding: 'utf8' }))
}
