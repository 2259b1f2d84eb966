import { fileURLToPath } from 'node:url'
import { expect, onTestFailed, onTestFinished } from 'vitest'
import { type WorkerOptions, WorkerProcess } from '../../dev/worker-process.ts'
import { shared } from './shared.ts'

/** The apps of the load's sample, for CFMR_CF_API. */
export const sampleAppsApi = `file:${fileURLToPath(new URL('../fixtures/mix-apps.json', import.meta.url))}`

/** The built program, for the test that runs: killed when it ends, its log shown when it fails. */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  await shared('program')
  const worker = await WorkerProcess.start(options)
  onTestFailed(() => console.error(`The log of worker ${worker.pid} ends with\n${worker.logTail()}`))
  onTestFinished(async () => {
    await worker.kill()
    expect(worker.otherOutput, 'the worker prints nothing but lines of JSON').toEqual([])
  })
  return worker
}
