import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Admin, Kafka } from 'kafkajs'
import type { Mix } from '../../dev/load/mix.ts'
import { cpuSeconds } from '../../dev/process-usage.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { type WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import type { Environment } from './outputs.ts'
import { DATABASE, type Sink } from './sinks.ts'

/** Nobody reads what goes to stdout; the log is on stderr then. */
function wrapFor(env: Environment): Pick<WorkerOptions, 'wrap'> {
  const { CFMR_OUTPUT: output = '' } = env
  return output.includes('stdout') ? { wrap: (command) => ['sh', '-c', 'exec "$@" > /dev/null', 'sh', ...command] } : {}
}

/** The worker's variables, but for what it reads. */
export function workerEnvironment(brokers: readonly string[], sink: Sink, mix: Mix): Environment {
  const apps = join(scratchFolder('bench'), 'apps.json')
  writeFileSync(apps, JSON.stringify(mix.apps))
  return {
    CFMR_KAFKA_BROKERS: brokers.join(','),
    CFMR_CF_API: `file:${apps}`,
    CFMR_INFLUXDB_ADDR: sink.url,
    CFMR_INFLUXDB_DATABASE: DATABASE,
    CFMR_LOGLEVEL: 'WARN',
  }
}

/** Of a worker that starts, joins and finds nothing to read in `topic`. */
export async function idleStart(env: Environment, topic: string, nodeArgs?: readonly string[]): Promise<Cost> {
  const worker = await WorkerProcess.start({
    ...wrapFor(env),
    ...(nodeArgs && { nodeArgs }),
    env: { ...env, CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_CONSUMERGROUP: 'idle' },
  })
  try {
    await worker.ready()
    return costOf(worker)
  } finally {
    await worker.stop()
  }
}

/** Of a process, from its start. */
export interface Cost {
  readonly cpuSeconds: number
  readonly peakRssBytes: number
}

export function costOf({ pid, peakRssBytes }: WorkerProcess): Cost {
  return { cpuSeconds: cpuSeconds(pid), peakRssBytes }
}

export interface DrainOptions {
  readonly client: Kafka
  readonly env: Environment
  /** Node's options. */
  readonly nodeArgs?: readonly string[] | undefined
  readonly topic: string
  /** One that has committed nothing yet. */
  readonly group: string
  /** What the topic holds. */
  readonly mix: Mix
  readonly envelopes: number
  readonly sink: Sink
}

/** To the last commit. */
export interface Drained extends Cost {
  readonly sinkCpuSeconds: number
  readonly envelopesPerSecond: number
}

/**
 * Has a worker empty the topic, and watches from outside, so that being measured costs it nothing: Kafka says what is
 * committed, the kernel what it cost. The rate is from the first offset committed to the last: start and warm-up are not in it.
 * Throws where a point is missing in the worker's ledger, or in a sink that keeps them.
 */
export async function drain({ client, env, nodeArgs, topic, group, mix, envelopes, sink }: DrainOptions): Promise<Drained> {
  const admin = client.admin()
  await admin.connect()
  const sinkCpuBefore = cpuSeconds(sink.pid)
  const worker = await WorkerProcess.start({
    ...wrapFor(env),
    ...(nodeArgs && { nodeArgs }),
    env: { ...env, CFMR_KAFKA_TOPICS: topic, CFMR_KAFKA_CONSUMERGROUP: group },
  })
  try {
    let first: { readonly ms: number; readonly count: number } | undefined
    await worker.waitUntil(
      'everything is committed',
      async () => {
        const count = await committed(admin, topic, group)
        if (count > 0) first ??= { ms: performance.now(), count }
        return count >= envelopes
      },
      { timeoutMs: 600_000, everyMs: 100 },
    )
    const drained = {
      ...costOf(worker),
      sinkCpuSeconds: cpuSeconds(sink.pid) - sinkCpuBefore,
      envelopesPerSecond: ((envelopes - (first?.count ?? 0)) / (performance.now() - (first?.ms ?? 0))) * 1000,
    }
    await checkPoints(worker, sink, mix, envelopes)
    return drained
  } finally {
    await worker.stop()
    await admin.disconnect()
  }
}

async function committed(admin: Admin, topic: string, groupId: string): Promise<number> {
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
}

async function checkPoints(worker: WorkerProcess, sink: Sink, mix: Mix, envelopes: number): Promise<void> {
  let points = 0
  for (let number = 0; number < envelopes; number++) if (mix.kind(number) !== 'discarded') points++
  const { ledger } = await worker.stats()
  if (ledger.written !== points || ledger.residue !== 0) throw new Error(`${points} points were to be written: ${JSON.stringify(ledger)}`)
  const stored = await sink.points()
  if (stored !== undefined && stored !== points) throw new Error(`${points} points were to be stored, ${stored} are`)
}
