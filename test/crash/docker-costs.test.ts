import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { followingMemory } from '../../bench/docker/following-memory.ts'
import { logCost } from '../../bench/docker/log-cost.ts'
import { startDocker } from '../../dev/docker/docker.ts'
import { shared } from '../support/shared.ts'

/** What `node --import tsx bench/docker.ts` measures, as far as it does not depend on how fast the machine is. */
beforeAll(async () => {
  await shared('program')
})

it('takes less CPU for lines of logs than the engine itself takes for the same lines', async () => {
  const engine = await startDocker()
  onTestFinished(() => engine.close())
  // Most of what so few lines take is Node's own start: of a million it is half of what the engine takes.
  const { workerSeconds, engineSeconds } = await logCost(engine, 300_000)
  expect(workerSeconds / engineSeconds).toBeLessThan(1)
})

it('follows 500 containers, and catches up with what they have written, within 256 MB as the image runs it', async () => {
  const frame =
    '{"read":"2026-11-28T10:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":1},"system_cpu_usage":1,"online_cpus":2},"memory_stats":{"usage":4096}}'
  const bytes = await followingMemory({ containers: 500, lines: 400, lineBytes: 400, seconds: 5, frame })
  expect(bytes / 2 ** 20).toBeLessThan(256)
})
