import type { DockerEngine } from '../../dev/docker/docker.ts'
import { startNullSink } from '../end-to-end/sinks.ts'
import { cpuSince, startMeasured } from './measured-worker.ts'

export interface LogCost {
  readonly workerSeconds: number
  /** Of dockerd: it takes the lines from the containers, keeps them, and reads them again for the worker. Neither containerd nor a shim sees them. */
  readonly engineSeconds: number
}

const CONTAINERS = 4
/** As web servers write them. */
const LINE = '192.0.2.7 - - [28/Nov/2026:02:00:00 +0000] "GET /shop/items/4711?colour=blue HTTP/1.1" 200 5316'

/** CPU of the worker, and of the engine in the same run, for so many lines that four containers write as fast as they can while they are followed. */
export async function logCost(engine: DockerEngine, lines: number): Promise<LogCost> {
  const sink = await startNullSink()
  const worker = await startMeasured(engine.host, 'logs', sink)
  try {
    const [workerCpu, engineCpu] = [cpuSince(worker.pid), cpuSince(engine.pid)]
    const each = Math.ceil(lines / CONTAINERS)
    for (let started = 0; started < CONTAINERS; started++) await engine.start(`yes '${LINE}' | head -n ${each}`)
    await worker.waitUntil(
      'all lines are written',
      async () => {
        const { ledger } = await worker.stats()
        return ledger.written >= CONTAINERS * each && ledger.in_flight === 0
      },
      { timeoutMs: 300_000, everyMs: 250 },
    )
    return { workerSeconds: workerCpu(), engineSeconds: engineCpu() }
  } finally {
    await worker.kill()
    await sink.close()
  }
}
