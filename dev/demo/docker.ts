import { sleep } from '../../src/lib/sleep.ts'
import { type DockerEngine, startDocker } from '../docker/docker.ts'
import { startInfluxDb } from '../influxdb.ts'
import type { InfluxQl } from '../influxql.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { WorkerProcess } from '../worker-process.ts'

export interface DockerDemoOptions {
  /** Until `stop` aborts without it. */
  readonly seconds: number | undefined
  readonly stop: AbortSignal
}

const DATABASE = 'docker_demo'

/** Says so many lines a second on stdout, one on stderr, and uses some CPU. */
const chatty = (perSecond: number, what: string) =>
  `trap 'exit 0' TERM; while true; do i=0; while [ $i -lt ${perSecond} ]; do i=$((i+1)); n=$((n+1)); echo "${what} $n"; done; echo "slow: $n" >&2; sleep 1; done`

const CONTAINERS: Readonly<Record<string, { readonly script: string; readonly options: readonly string[] }>> = {
  'shop-web-1': {
    script: chatty(50, 'GET /cart'),
    options: ['--label', 'com.docker.compose.service=web', '--label', 'com.docker.compose.project=shop', '--memory', '64m'],
  },
  'shop-db-1': {
    script: chatty(10, 'checkpoint'),
    options: ['--label', 'com.docker.compose.service=db', '--label', 'com.docker.compose.project=shop'],
  },
  cart: {
    script: chatty(20, 'order'),
    options: [
      '--env',
      'VCAP_APPLICATION={"application_name":"cart","application_id":"7a9c1d2e","organization_name":"acme","space_name":"prod"}',
    ],
  },
  terminal: { script: chatty(5, 'prompt'), options: ['--tty'] },
}

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
  for (const [name, { script, options }] of Object.entries(CONTAINERS)) await engine.start(script, ['--name', name, ...options])
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
  engine     ${engine.host}   containers ${Object.keys(CONTAINERS).join(', ')}
  InfluxDB   ${influxDb.url}   database ${DATABASE}
  worker     ${worker.url}   look at it, or at /stats, /metrics, /readyz
  ${seconds === undefined ? 'Ctrl-C ends it and counts' : `for ${seconds} s`}
`)
  await showProgress(worker, seconds, stop)
  await Promise.all(Object.keys(CONTAINERS).map((name) => engine.docker('stop', name)))
  const said = await linesOf(engine)
  await worker.waitUntil('all is read and written', async () => (await loggedIn(influxDb)) >= said, { everyMs: 500 })
  const { ledger } = await worker.stats()
  const exit = await worker.stop()
  const stored = await loggedIn(influxDb)
  console.log('')
  for (const [measurement, field] of MEASUREMENTS) {
    const count = await influxDb.count(DATABASE, measurement, field)
    const [example] = await influxDb.query(`SELECT * FROM "${measurement}" ORDER BY time DESC LIMIT 1`, DATABASE)
    console.log(`${measurement.padEnd(16)}${String(count).padStart(8)} points, such as ${JSON.stringify(example)}`)
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

/** What the engine has of all their logs. */
async function linesOf(engine: DockerEngine): Promise<number> {
  const counts = await Promise.all(Object.keys(CONTAINERS).map((name) => engine.countLines(name)))
  return counts.reduce((sum, count) => sum + count, 0)
}

const loggedIn = (influxDb: InfluxQl) => influxDb.count(DATABASE, 'log', 'count')
