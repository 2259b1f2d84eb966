import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Kind } from '../dev/load/mix.ts'
import { loadV2Mix } from '../dev/load/v2-mix.ts'
import type { GatewayEnvelope } from '../dev/loggregator/envelope.ts'
import { GatewayFake } from '../dev/loggregator/gateway.ts'
import { cpuSeconds } from '../dev/process-usage.ts'
import { scratchFolder } from '../dev/scratch-folder.ts'
import { WorkerProcess } from '../dev/worker-process.ts'
import { sleep } from '../src/lib/sleep.ts'
import { DATABASE, startNullSink } from './end-to-end/sinks.ts'
import { printResult, type Result, rounded } from './figures.ts'

/**
 * What the firehose costs the whole worker: the built program, just started, reads so many envelopes a second from a gateway in this process and
 * writes them to a sink that keeps nothing. Whether it keeps up, since nobody waits for it: what it dropped, and what the gateway dropped
 * because it read too slowly. CPU is user and system time of all its threads from the first envelope until all are settled, by the
 * time that took (`worker_cores`: of one core), and as a ratio to JSON.parse of the same bytes in the same run.
 */
const { values: options } = parseArgs({
  options: {
    envelopes: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '50000' },
    json: { type: 'boolean', default: false },
  },
})
const envelopes = Number(options.envelopes)
const rate = Number(options.rate)
/** Different ones; they are sent over and over. */
const LOAD = Math.min(envelopes, 100_000)
const TICK_MS = 10
/** Its buffers take some ten times as many. */
const MOST_AT_ONCE = 2000
const SELECTORS = { log: 'log', discarded: 'log', http_request: 'timer', instance: 'gauge' } as const satisfies Record<Kind, string>

const say = (text: string) => console.error(text)

printResult(await measure(), options.json)

async function measure(): Promise<Result> {
  say(`JSON.parse of ${LOAD} envelopes …`)
  const parseSeconds = (jsonParseSeconds() / LOAD) * envelopes
  const mix = loadV2Mix()
  const load = Array.from({ length: LOAD }, (_, number) => ofGateway(mix.kind(number), mix.envelope(number).toString()))
  const apps = join(scratchFolder('bench'), 'apps.json')
  writeFileSync(apps, JSON.stringify(mix.apps))
  const gateway = await GatewayFake.start({ authorize: () => true })
  const sink = await startNullSink()
  const worker = await WorkerProcess.start({
    env: {
      ...{ CFMR_INPUT: 'firehose', CFMR_FIREHOSE_URL: gateway.url, CFMR_CF_API: `file:${apps}`, CFMR_CF_TOKEN: 'any' },
      ...{ CFMR_HTTPPEER: 'both', CFMR_INFLUXDB_ADDR: sink.url, CFMR_INFLUXDB_DATABASE: DATABASE, CFMR_LOGLEVEL: 'WARN' },
    },
  })
  try {
    await worker.ready()
    await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
    say(`${envelopes} envelopes, ${rate} a second …`)
    const cpuBefore = cpuSeconds(worker.pid)
    const startedMs = performance.now()
    await publish(gateway, load)
    const sendSeconds = (performance.now() - startedMs) / 1000
    const { ledger } = await worker.waitUntil('all that was sent is settled', async () => {
      const stats = await worker.stats()
      return stats.ledger.consumed + gateway.dropped === envelopes && stats.ledger.in_flight === 0 && stats
    })
    const seconds = (performance.now() - startedMs) / 1000
    const cpu = cpuSeconds(worker.pid) - cpuBefore
    if (ledger.residue !== 0) throw new Error(`the ledger is not even: ${JSON.stringify(ledger)}`)
    return {
      envelopes,
      bytes_per_envelope: Math.round(load.reduce((sum, { text }) => sum + text.length, 0) / LOAD),
      json_parse_cpu_seconds: rounded(parseSeconds),
      worker_cpu_seconds: rounded(cpu),
      worker_cpu_seconds_per_million: rounded((cpu / envelopes) * 1e6),
      worker_cores: rounded(cpu / seconds),
      ratio_to_json_parse: rounded(cpu / parseSeconds),
      envelopes_per_second: Math.round(envelopes / sendSeconds),
      written: ledger.written,
      dropped: ledger.dropped,
      dropped_by_the_gateway: gateway.dropped,
      peak_rss_mb: Math.round(worker.peakRssBytes / 2 ** 20),
    }
  } finally {
    await worker.stop()
    await gateway.close()
    await sink.close()
  }
}

/** What could not be sent when it was due is sent with what is due next, in parts that the gateway has room for: it is the reader that may be too slow. */
async function publish(gateway: GatewayFake, load: readonly GatewayEnvelope[]): Promise<void> {
  const startedMs = performance.now()
  for (let sent = 0; sent < envelopes; ) {
    const due = Math.min(envelopes, Math.ceil(((performance.now() - startedMs) / 1000) * rate))
    while (sent < due) {
      const at = sent % LOAD
      const next = load.slice(at, at + Math.min(due - sent, MOST_AT_ONCE))
      gateway.publish(...next)
      sent += next.length
      await setImmediate()
    }
    await sleep(TICK_MS)
  }
  for (const stream of gateway.streams) stream.flush()
}

function ofGateway(kind: Kind, text: string): GatewayEnvelope {
  return { selector: SELECTORS[kind], sourceId: '', text }
}

function jsonParseSeconds(): number {
  const script = fileURLToPath(new URL('end-to-end/json-parse.ts', import.meta.url))
  return Number(execFileSync(process.execPath, ['--import', 'tsx', script, String(LOAD), '0', 'v2'], { encoding: 'utf8' }))
}
