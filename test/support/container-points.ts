import { type FakeContainer, startFakeEngine } from '../../dev/docker/fake-engine.ts'
import type { InfluxQl } from '../../dev/influxql.ts'
import { WorkerProcess } from '../../dev/worker-process.ts'

const ID = 'ab'.repeat(32)

export interface ContainerOwner {
  readonly org: string
  readonly space: string
  readonly app: string
}

export interface ContainerPoints {
  readonly owner: ContainerOwner
  /** InfluxDB's, and a database there. */
  readonly url: string
  readonly database: string
  readonly influxDb: InfluxQl
  /** When they begin. */
  readonly firstMs: number
}

/** Has a worker write what a container uses for half a minute, and that it was started and ended for want of memory. */
export async function writeContainers({ url, database, influxDb, firstMs, owner }: ContainerPoints): Promise<void> {
  const readings = [0, 1, 2].map((n) => readingAt(firstMs + n * 10_000, n))
  const vcap = { application_name: owner.app, organization_name: owner.org, space_name: owner.space }
  const env = [`VCAP_APPLICATION=${JSON.stringify(vcap)}`]
  const container: FakeContainer = {
    id: ID,
    name: 'web-1',
    env,
    isRunning: true,
    startedAt: 'now',
    logs: [() => {}],
    stats: readings,
  }
  const engine = await startFakeEngine({ containers: [container] })
  const worker = await WorkerProcess.start({
    env: {
      ...{ CFMR_INPUT: 'docker', CFMR_DOCKER_HOST: engine.host, CFMR_DOCKER_STATSINTERVAL: '1s', CFMR_DOCKER_COLLECT: 'stats,events' },
      ...{ CFMR_INFLUXDB_ADDR: url, CFMR_INFLUXDB_DATABASE: database, CFMR_BATCHER_FLUSHINTERVAL: '100ms' },
    },
  })
  try {
    await worker.ready()
    const stored = (what: string, measurement: string, field: string) =>
      worker.waitUntil(`${what} are stored`, async () => (await influxDb.count(database, measurement, field)) >= 3)
    await stored('readings', 'instance', 'rx_bytes')
    engine.say(eventAt(firstMs + 1000, 'start'))
    engine.say(eventAt(firstMs + 2000, 'oom'))
    engine.say(eventAt(firstMs + 3000, 'die', { exitCode: '137' }))
    await stored('events', 'container_event', 'count')
  } finally {
    await worker.stop()
    await engine.close()
  }
}

/** What `docker stats` reads, counters grown with `n`. */
function readingAt(ms: number, n: number) {
  return {
    read: new Date(ms).toISOString(),
    networks: { eth0: { rx_bytes: 1000 * n, tx_bytes: 2000 * n, rx_errors: 0, tx_errors: 0, rx_dropped: n, tx_dropped: n } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'read', value: 100 * n },
        { op: 'write', value: 200 * n },
      ],
    },
    memory_stats: { usage: 1_000_000, limit: 10_000_000 },
    pids_stats: { current: 3 },
    cpu_stats: { throttling_data: { throttled_time: 1_000_000_000 * n } },
  }
}

function eventAt(ms: number, action: string, attributes: object = {}) {
  const Actor = { ID, Attributes: { name: 'web-1', image: 'box:1', ...attributes } }
  return { Type: 'container', Action: action, Actor, time: Math.floor(ms / 1000), timeNano: `${ms}000000` }
}
