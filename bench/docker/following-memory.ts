import { setTimeout as wait } from 'node:timers/promises'
import { startFakeHost } from '../../dev/docker/fake-host/start.ts'
import { startNullSink } from '../end-to-end/sinks.ts'
import { startMeasured } from './measured-worker.ts'

export interface FollowingOptions {
  readonly containers: number
  /** That each container has written before. */
  readonly lines: number
  readonly lineBytes: number
  /** After all of those are written: 2,000 lines a second come, and usage is read. */
  readonly seconds: number
  /** Of usage, as an engine answers it. */
  readonly frame: string
}

const LINES_PER_SECOND = 2000

/** The most memory that a worker needs which reads logs, usage and events of so many containers, with all that they have written before to catch up with. In bytes. */
export async function followingMemory({ containers, lines, lineBytes, seconds, frame }: FollowingOptions): Promise<number> {
  const sink = await startNullSink()
  const host = await startFakeHost({ containers, lines, lineBytes, linesPerSecond: LINES_PER_SECOND, frame })
  const worker = await startMeasured(host.host, 'logs,stats,events', sink)
  try {
    await worker.waitUntil(
      'all logs are followed, and it has caught up',
      async () => {
        const { ledger, inputs } = await worker.stats()
        const { streaming = 0 } = inputs['docker'] as unknown as { readonly streaming?: number }
        return streaming === containers && ledger.written >= containers * lines
      },
      { timeoutMs: 180_000, everyMs: 250 },
    )
    await wait(seconds * 1000)
    return worker.peakRssBytes
  } finally {
    await worker.kill()
    await host.close()
    await sink.close()
  }
}
