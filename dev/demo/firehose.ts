import { randomUUID } from 'node:crypto'
import { sleep } from '../../src/lib/sleep.ts'
import { startCloudController } from '../cloud-controller/cloud-controller.ts'
import { startInfluxDb } from '../influxdb.ts'
import { influxQl } from '../influxql.ts'
import type { Kind } from '../load/mix.ts'
import { GatewayFake } from '../loggregator/gateway.ts'
import { Numbered, NumberedFlow } from '../loggregator/numbered.ts'
import { WorkerProcess } from '../worker-process.ts'
import { type Counts, type Destination, destinations } from './destinations.ts'
import { busiestApps, busiestText, reportText, rowsOf, type Stored } from './report.ts'

export interface FirehoseDemoOptions {
  readonly output: string
  readonly perSecond: number
  /** Until `stop` without it. */
  readonly seconds: number | undefined
  readonly stop: AbortSignal
}

/** The real gateway ends streams after 14 minutes; to see it, after a quarter of one. */
const STREAM_TIMEOUT_MS = 15_000
const STREAM_AGE = '10s'

/** The program reading the firehose: a gateway, a Cloud Controller and the output's server, no Kafka. Resolves to whether all is stored. */
export async function firehoseDemo({ output, perSecond, seconds, stop }: FirehoseDemoOptions): Promise<boolean> {
  const numbered = new Numbered({ firstTimestampNs: BigInt(Date.now()) * 1_000_000n, stepNs: BigInt(Math.round(1e9 / perSecond)) })
  const cloudController = await startCloudController({ apps: numbered.apps })
  const gateway = await GatewayFake.start({ authorize: cloudController.uaa.readsFirehose, streamTimeoutMs: STREAM_TIMEOUT_MS })
  cloudController.platform.logStream = gateway.url
  const destination = await destinationOf(output, numbered)
  const worker = await WorkerProcess.start({
    ...(destination.onOutput && { onOutput: destination.onOutput }),
    env: {
      ...{ CFMR_INPUT: 'firehose', CFMR_FIREHOSE_STREAMAGE: STREAM_AGE },
      ...{ CFMR_CF_API: cloudController.url, CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin' },
      ...destination.env,
    },
    onLog: (line) => {
      if (line.level === 'WARN' || line.level === 'ERROR') console.log(`worker: ${JSON.stringify(line)}`)
    },
  })
  try {
    await worker.ready({ timeoutMs: 60_000 })
    await worker.waitUntil('both streams are open', () => gateway.streams.length >= 2)
    console.log(`
  gateway    ${gateway.url}   two streams, each ended by it after ${STREAM_TIMEOUT_MS / 1000} s and replaced before that
  ${destination.place}
  worker     ${worker.url}   look at /stats, /metrics, /readyz
  sending    ${perSecond} envelopes a second${seconds === undefined ? '; Ctrl-C ends it and counts' : `, for ${seconds} s`}
  look       ${destination.look}
`)
    const flow = new NumberedFlow({ numbered, publish: (...envelopes) => gateway.publish(...envelopes), perSecond })
    await showProgress(worker, flow, seconds, stop)
    await flow.stop()
    for (const stream of gateway.streams) stream.flush()
    const sent = gateway.record.count('written')
    const { ledger } = await worker.waitUntil(
      'everything sent is read and settled',
      async () => {
        const stats = await worker.stats()
        return stats.ledger.consumed >= sent && stats.ledger.in_flight === 0 && stats
      },
      { timeoutMs: 120_000, everyMs: 200 },
    )
    const exit = await worker.stop()
    const rows = await storedSoon(destination, kindsOf(gateway.record.numbers('written'), numbered))
    console.log(`\n${reportText(rows)}\n`)
    for (const example of await destination.examples()) console.log(`${example}\n`)
    const isComplete = rows.every((row) => row.stored === row.sent) && ledger.residue === 0 && exit.code === 0
    const thrownAway = gateway.record.count('discarded')
    console.log(
      `${flow.count} envelopes published, ${thrownAway} thrown away by the gateway with the streams that it ended, ${sent} sent: ${isComplete ? 'nothing is missing' : 'SOMETHING IS MISSING'}`,
    )
    return isComplete
  } finally {
    await worker.stop()
    await destination.close()
    await gateway.close()
    await cloudController.close()
  }
}

/** What was asked for; in place of InfluxDB stdout, where that cannot be had. */
async function destinationOf(output: string, numbered: Numbered): Promise<Destination> {
  if (output !== 'influxdb') {
    const site = { id: randomUUID().slice(0, 8), kafka: undefined, mix: numbered }
    return (destinations[output] as (typeof destinations)[string])(site)
  }
  try {
    return await influxDbDestination()
  } catch (error) {
    console.log(`InfluxDB cannot be had here, so the documents go to stdout: ${(error as Error).message.split('\n')[0]}\n`)
    return destinationOf('stdout', numbered)
  }
}

async function influxDbDestination(): Promise<Destination> {
  const { CFMR_INFLUXDB_ADDR, CFMR_INFLUXDB_USERNAME: username, CFMR_INFLUXDB_PASSWORD: password } = process.env
  const server = CFMR_INFLUXDB_ADDR ? undefined : await startInfluxDb()
  const url = server?.url ?? (CFMR_INFLUXDB_ADDR as string)
  const database = `cf_demo_${randomUUID().slice(0, 8)}`
  const influxDb = influxQl({ url, username, password })
  await influxDb.query(`CREATE DATABASE "${database}"`)
  return {
    place: `InfluxDB   ${url}   database ${database}`,
    look: `curl '${url}/query?db=${database}' --data-urlencode 'q=SELECT * FROM log LIMIT 3'`,
    env: {
      CFMR_INFLUXDB_ADDR: url,
      CFMR_INFLUXDB_DATABASE: database,
      ...(username && password && { CFMR_INFLUXDB_USERNAME: username, CFMR_INFLUXDB_PASSWORD: password }),
    },
    stored: async () => ({
      http_request: await influxDb.count(database, 'http_request', 'count'),
      log: await influxDb.count(database, 'log', 'count'),
      instance: await influxDb.count(database, 'instance', 'cpu'),
    }),
    examples: async () => [busiestText(await busiestApps(influxDb, database, 5))],
    close: async () => server?.close(),
  }
}

function kindsOf(numbers: readonly number[], numbered: Numbered): Record<Kind, number> {
  const sent: Record<Kind, number> = { http_request: 0, log: 0, instance: 0, discarded: 0 }
  for (const number of numbers) sent[numbered.kind(number)]++
  return sent
}

/** What nobody acknowledges may still be on its way: looked for once more, for some seconds. */
async function storedSoon(destination: Destination, sent: Readonly<Record<Kind, number>>): Promise<Stored[]> {
  for (let tries = 0; ; tries++) {
    const rows = rowsOf((await destination.stored()) as Counts, sent)
    if (tries === 10 || rows.every((row) => row.stored === row.sent)) return rows
    await sleep(500)
  }
}

const COLUMNS = ['time', 'sent', 'read', 'written', 'dropped', 'streams', 'replaced', 'in flight']

/** A line a second until it is time to end. */
async function showProgress(worker: WorkerProcess, flow: NumberedFlow, seconds: number | undefined, stop: AbortSignal): Promise<void> {
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000
  console.log(COLUMNS.map((title) => title.padStart(13)).join(''))
  for (let second = 1; !stop.aborted && worker.isRunning && Date.now() < end; second++) {
    await sleep(1000, stop)
    const stats = await worker.stats().catch(() => undefined)
    if (stats === undefined) continue
    const { ledger, inputs } = stats
    const { streams, reconnects } = inputs['firehose'] as unknown as { streams: number; reconnects: { age?: number } }
    const cells = [
      `${second} s`,
      flow.count,
      ledger.consumed,
      ledger.written,
      ledger.dropped,
      streams,
      reconnects.age ?? 0,
      ledger.in_flight,
    ]
    console.log(cells.map((cell) => cell.toLocaleString('en').padStart(13)).join(''))
  }
}
