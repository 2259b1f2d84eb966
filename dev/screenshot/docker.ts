import { sleep } from '../../src/lib/sleep.ts'
import { startContainers } from '../demo/containers.ts'
import { startDocker } from '../docker/docker.ts'
import { startInfluxDb } from '../influxdb.ts'
import { scratchFolder } from '../scratch-folder.ts'
import type { ScreenshotScene } from '../screenshot.ts'
import { WorkerProcess } from '../worker-process.ts'

const WATCHED_MS = 75_000

/** The containers of the demo and one whose log nobody can read, on a real engine. */
export async function dockerScene(): Promise<ScreenshotScene> {
  const [engine, influxDb] = await Promise.all([startDocker(), startInfluxDb({ databases: ['docker'] })])
  await startContainers(engine)
  await engine.start('sleep 1000', ['--name', 'legacy-1', '--log-driver', 'none'])
  await engine.start('echo migrated', ['--name', 'shop-migrate-1'])
  const worker = await WorkerProcess.start({
    env: {
      CFMR_INPUT: 'docker',
      CFMR_DOCKER_HOST: engine.host,
      CFMR_STATE: scratchFolder('screenshot-state'),
      CFMR_INFLUXDB_ADDR: influxDb.url,
      CFMR_INFLUXDB_DATABASE: 'docker',
    },
  })
  await worker.ready({ timeoutMs: 60_000 })
  return {
    file: 'inputs/docker.png',
    url: worker.url,
    end: '[data-listing=containers]',
    watch: () => sleep(WATCHED_MS),
    close: async () => {
      await worker.stop()
      await Promise.all([engine.close(), influxDb.close()])
    },
  }
}
