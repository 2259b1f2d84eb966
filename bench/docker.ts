import { parseArgs } from 'node:util'
import { Client } from 'undici'
import { type DockerEngine, startDocker } from '../dev/docker/docker.ts'
import { followingMemory } from './docker/following-memory.ts'
import { logCost } from './docker/log-cost.ts'
import { usageCost } from './docker/usage-cost.ts'
import { printResult, type Result, rounded } from './figures.ts'

/**
 * What reading a Docker engine costs, as the image of `deploy/docker` runs the worker: the CPU of log lines beside dockerd's own for the same lines on a real engine (which needs root), the
 * share of a core that usage takes, and the memory with many containers. Usage and memory are measured on a fake engine, in a process of its own, since a thousand real containers are more
 * than two cores start; its frame of usage is one that the real engine has just answered.
 */
const { values: options } = parseArgs({
  options: {
    lines: { type: 'string', default: '1000000' },
    /** Of which usage is read. */
    sampled: { type: 'string', default: '200' },
    /** Of which logs are followed. */
    followed: { type: 'string', default: '500' },
    /** Usage is measured for so long, and before it for as long not: by then a worker has compiled what it runs again and again. */
    seconds: { type: 'string', default: '120' },
    json: { type: 'boolean', default: false },
  },
})
const BACKLOG = { lines: 1000, lineBytes: 200 }

const engine = await startDocker()
try {
  printResult(await measure(engine), options.json)
} finally {
  await engine.close()
}

async function measure(on: DockerEngine): Promise<Result> {
  const lines = Number(options.lines)
  const frame = await frameOf(on)
  const { workerSeconds, engineSeconds } = await logCost(on, lines)
  const usage = { frame, seconds: Number(options.seconds) }
  const containers = Number(options.sampled)
  const share = await usageCost({ ...usage, containers })
  const idle = await usageCost({ ...usage, containers: 0 })
  const bytes = await followingMemory({ ...BACKLOG, frame, containers: Number(options.followed), seconds: 30 })
  return {
    lines,
    worker_cpu_seconds_per_million: rounded((workerSeconds / lines) * 1e6),
    dockerd_cpu_seconds_per_million: rounded((engineSeconds / lines) * 1e6),
    worker_to_dockerd: rounded(workerSeconds / engineSeconds),
    containers_sampled: containers,
    usage_percent_of_a_core: rounded(100 * share),
    of_it_idle: rounded(100 * idle),
    containers_followed: Number(options.followed),
    peak_rss_mb: Math.round(bytes / 2 ** 20),
  }
}

/** What the engine answers of a container that runs. */
async function frameOf({ socket, start }: DockerEngine): Promise<string> {
  const id = await start('sleep 60')
  const client = new Client('http://docker', { socketPath: socket })
  const { body } = await client.request({ method: 'GET', path: `/v1.41/containers/${id}/stats?stream=false&one-shot=true` })
  const frame = await body.text()
  await client.destroy()
  return frame
}
