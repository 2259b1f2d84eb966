import { expect, onTestFinished } from 'vitest'
import { startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { manifestNode } from '../../dev/manifest-node.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import type { LogLine, WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { makeApps } from '../support/apps.ts'
import { memoryLimit } from '../support/memory-limit.ts'
import type { Scene } from './scene.ts'

const CONTAINER_BYTES = 256 * 2 ** 20

/** A Cloud Controller for the test that runs. */
export async function cloudControllerFor(apps: readonly AppMetadata[]) {
  const cloudController = await startCloudController({ apps })
  onTestFinished(() => cloudController.close())
  const env = { CFMR_CF_API: cloudController.url, CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin', CFMR_CF_TIMEOUT: '2s' }
  return { ...cloudController, env }
}

/** One that hangs when it is asked for any of `apps`, until it `learns` of them. */
export async function ignorantCloudControllerFor(apps: readonly AppMetadata[]) {
  const cloudController = await cloudControllerFor(makeApps(1))
  const { faults, platform, env } = cloudController
  faults.add({ kind: 'look-up', effect: 'hang' })
  const learns = () => {
    for (const app of apps) platform.put(app)
    faults.heal()
  }
  return { env, learns }
}

/** The way to InfluxDB, frozen before anything is read. Batches are kept until it is healed. */
export async function influxDbProxy(scene: Scene) {
  const proxy = await FaultProxy.start({ targetPort: Number(new URL(scene.influxDbServer.url).port) })
  onTestFinished(() => proxy.close())
  const env = { CFMR_INFLUXDB_ADDR: `http://127.0.0.1:${proxy.port}`, CFMR_INFLUXDB_TIMEOUT: '20s', CFMR_BATCHER_FLUSHRETRIES: -1 }
  const onLog = ({ msg }: LogLine) => {
    if (/all apps fetched/.test(msg)) proxy.freeze()
  }
  return { proxy, env, onLog }
}

export interface ContainedWorker {
  readonly worker: WorkerProcess
  /** It still runs, answers, has printed nothing but its log, and the kernel never had to kill. */
  expectWithinLimit(): Promise<void>
}

/** A worker in a container of 256 MB that kills what needs more, with a group of its own. */
export async function startContained(
  scene: Scene,
  name: string,
  { env, onLog }: Pick<WorkerOptions, 'env' | 'onLog'>,
): Promise<ContainedWorker> {
  const limit = memoryLimit(CONTAINER_BYTES)
  onTestFinished(() => limit.remove())
  const group = `${scene.group}-${name}`
  const worker = await scene.start(
    { CFMR_KAFKA_CONSUMERGROUP: group, ...env },
    { nodeArgs: manifestNode().nodeArgs, wrap: limit.wrap, ...(onLog && { onLog }) },
  )
  return {
    worker,
    expectWithinLimit: async () => {
      expect((await worker.get('/healthz')).status).toBe(200)
      expect((await worker.stats()).ledger.residue).toBe(0)
      expect(worker.peakRssBytes).toBeLessThan(CONTAINER_BYTES)
      expect(worker.otherOutput).toEqual([])
      expect(limit.kills()).toBe(0)
    },
  }
}

/** It reads no more, because it may not: waits until that is so, and returns what /readyz says then. */
export async function pausedReasons(worker: WorkerProcess): Promise<string> {
  return worker.waitUntil('reading is paused', async () => {
    const { status, body } = await worker.get('/readyz')
    return status === 503 && body.includes('reading is paused') ? body : undefined
  })
}
