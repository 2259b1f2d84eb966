import { sleep } from '../../src/lib/sleep.ts'
import { type DockerEngine, startDocker } from '../docker/docker.ts'
import { startInfluxDb } from '../influxdb.ts'
import type { InfluxQl } from '../influxql.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { WorkerProcess } from '../worker-process.ts'
import { CONTAINERS, startContainers } from './containers.ts'

export interface DockerDemoOptions {
  /** Until `stop` aborts without it. */
  readonly seconds: number | undefined
  readonly stop: AbortSignal
}

const DATABASE = 'docker_demo'

/** With a field that each of their points has. */
const MEASUREMENTS = [
  ['log', 'count'],
  ['instance', 'memory'],
  ['container_event', 'count'],
] as const

/** `npm run demo -- --input docker`: chatty containers on a real engine, and what of them is in InfluxDB. Resolves to whether all is there. */
export async function dockerDemo(options: DockerDemoOptions): Promise<boolean> {
  console.log('Starting a Docker engine and InfluxDB (the first time they are fetched, which takes a minute) …')
  const [engine, influxDb] = await Promise.all([startDocker(), startInfluxDb()])
  try {
    await influxDb.query(`CREATE DATABASE "${DATABASE}"`)
    return await show(engine, influxDb, options)
  } finally {
    await Promise.all([engine.close(), influxDb.close()])
  }
}

async function show(
  engine: DockerEngine,
  influxDb: InfluxQl & { readonly url: string },
  { seconds, stop }: DockerDemoOptions,
): Promise<boolean> {
  await startContainers(engine)
  const worker = await WorkerProcess.start({
    env: {
      CFMR_INPUT: 'docker',
      CFMR_DOCKER_HOST: engine.host,
      CFMR_DOCKER_STATSINTERVAL: '2s',
      CFMR_STATE: scratchFolder('demo-state'),
      CFMR_INFLUXDB_ADDR: influxDb.url,
      CFMR_INFLUXDB_DATABASE: DATABASE,
      CFMR_BATCHER_FLUSHINTERVAL: '1s',
    },
    onLog: (line) => {
      if (line.level === 'WARN' || line.level === 'ERROR') console.log(`worker: ${JSON.stringify(line)}`)
    },
  })
  await worker.ready({ timeoutMs: 60_000 })
  console.log(`
  engine     ${engine.host}   containers ${CONTAINERS.map(({ name }) => name).join(', ')}
  InfluxDB   ${influxDb.url}   database ${DATABASE}
  worker     ${worker.url}   its page says what of each container is read; or look at /stats, /stats/containers, /metrics, /readyz
  ${seconds === undefined ? 'Ctrl-C ends it and counts' : `for ${seconds} s`}
`)
  await showProgress(worker, seconds, stop)
  await Promise.all(CONTAINERS.map(({ name }) => engine.docker('stop', name)))
  const said = await linesOf(engine)
  await worker.waitUntil('all is read and written', async () => (await loggedIn(influxDb)) >= said, { everyMs: 500 })
  const { ledger } = await worker.stats()
  const exit = await worker.stop()
  const stored = await loggedIn(influxDb)
  console.log('')
  for (const [measurement, field] of MEASUREMENTS) {
    const count = await influxDb.count(DATABASE, measurement, field)
    const [example] = await influxDb.query(`SELECT * FROM "${measurement}" ORDER BY time DESC LIMIT 1`, DATABASE)
    console.log(`${measurement.padEnd(16)}${String(count).padStart(8)} points, such as ${JSON.stringify(example, withoutNull)}`)
  }
  const isComplete = stored === said && ledger.residue === 0 && exit.code === 0
  console.log(
    `\n${said} lines are in the containers' logs, ${stored} in InfluxDB: ${isComplete ? 'nothing is missing' : 'SOMETHING IS MISSING'}`,
  )
  return isComplete
}

async function showProgress(worker: WorkerProcess, seconds: number | undefined, stop: AbortSignal): Promise<void> {
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000
  console.log(['time', 'read', 'written', 'in flight', 'containers', 'streaming'].map((title) => title.padStart(13)).join(''))
  for (let second = 1; !stop.aborted && worker.isRunning && Date.now() < end; second++) {
    await sleep(1000, stop)
    const stats = await worker.stats().catch(() => undefined)
    if (stats === undefined) continue
    const { ledger, inputs } = stats
    const { containers, streaming } = inputs['docker'] as unknown as { readonly containers: number; readonly streaming: number }
    console.log(
      [`${second} s`, ledger.consumed, ledger.written, ledger.in_flight, containers, streaming]
        .map((cell) => cell.toLocaleString('en').padStart(13))
        .join(''),
    )
  }
}

/** What the engine has of all the logs that are read. */
async function linesOf(engine: DockerEngine): Promise<number> {
  const counts = await Promise.all(CONTAINERS.filter(({ isRead }) => isRead).map(({ name }) => engine.countLines(name)))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** What a point does not have. */
const withoutNull = (_: string, value: unknown) => value ?? undefined

const loggedIn = (influxDb: InfluxQl) => influxDb.count(DATABASE, 'log', 'count')
