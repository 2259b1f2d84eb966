import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuSeconds } from '../../dev/process-usage.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { WorkerProcess } from '../../dev/worker-process.ts'
import { DATABASE, type Sink } from '../end-to-end/sinks.ts'

const dockerfile = readFileSync(fileURLToPath(new URL('../../deploy/docker/Dockerfile', import.meta.url)), 'utf8')
/** What the image sets of Node and of the allocator. */
const IMAGE_SETTINGS = Object.fromEntries(
  [...dockerfile.matchAll(/\b(NODE_OPTIONS|MALLOC_[A-Z_]+)=("[^"]*"|\S+)/g)].map(([, name = '', value = '']) => [
    name,
    value.replaceAll('"', ''),
  ]),
)

/** Node's, too: what NODE_OPTIONS may not say. */
const ENTRY_POINT_OPTIONS = (/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '').match(/--[a-z-]+/g) ?? []

/** The built worker, as the image runs it, on the engine at `host`. It writes points to `sink`. Resolves when it reads. */
export async function startMeasured(host: string, collect: string, sink: Sink): Promise<WorkerProcess> {
  const { NODE_OPTIONS = '', ...allocator } = IMAGE_SETTINGS
  const worker = await WorkerProcess.start({
    nodeArgs: [...NODE_OPTIONS.split(' '), ...ENTRY_POINT_OPTIONS],
    wrap: (command) => ['env', ...Object.entries(allocator).map(([name, value]) => `${name}=${value}`), ...command],
    env: {
      ...{ CFMR_INPUT: 'docker', CFMR_DOCKER_HOST: host, CFMR_DOCKER_COLLECT: collect, CFMR_STATE: join(scratchFolder('state'), 'kept') },
      ...{ CFMR_INFLUXDB_ADDR: sink.url, CFMR_INFLUXDB_DATABASE: DATABASE, CFMR_LOGLEVEL: 'WARN' },
    },
  })
  return worker.ready()
}

/** CPU seconds of a process since this was called, each time that the result is called. */
export function cpuSince(pid: number): () => number {
  const before = cpuSeconds(pid)
  return () => cpuSeconds(pid) - before
}
