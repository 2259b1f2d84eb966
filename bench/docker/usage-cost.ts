import { setTimeout as wait } from 'node:timers/promises'
import { startFakeHost } from '../../dev/docker/fake-host/start.ts'
import { startNullSink } from '../end-to-end/sinks.ts'
import { cpuSince, startMeasured } from './measured-worker.ts'

export interface UsageCostOptions {
  /** 0: what the worker takes without any. */
  readonly containers: number
  /** It is measured for so long, and before that for as long not: a worker that has just started is not compiled yet. */
  readonly seconds: number
  /** Of usage, as an engine answers it. */
  readonly frame: string
}

/** The share of one core that the worker takes to read the usage of so many containers every 10 s, from an engine that does nothing else. */
export async function usageCost({ containers, seconds, frame }: UsageCostOptions): Promise<number> {
  const sink = await startNullSink()
  const host = await startFakeHost({ containers, lines: 0, lineBytes: 0, linesPerSecond: 0, frame })
  const worker = await startMeasured(host.host, 'stats', sink)
  try {
    await wait(seconds * 1000)
    const cpu = cpuSince(worker.pid)
    const readings = async () => (await worker.stats()).ledger.consumed
    const before = await readings()
    await wait(seconds * 1000)
    const share = cpu() / seconds
    const wanted = (containers * seconds) / 10
    const read = (await readings()) - before
    if (read < 0.8 * wanted) throw new Error(`found ${read} readings in ${seconds} s, expected ${wanted}`)
    return share
  } finally {
    await worker.kill()
    await host.close()
    await sink.close()
  }
}
