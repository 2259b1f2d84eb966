import type { LinkedAbort } from '../../../lib/linked-abort.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { Container } from '../inventory/container.ts'
import type { EndOfLog } from './log-tail.ts'

/** So long a line that is there may take to come. */
const LATE_MS = 5000
/** Whoever stops it rings the container's bell. */
const LOOK_AGAIN_MS = 60_000
/** Of Podman. */
const QUIET_AT_END_MS = 2000

/** It is given up, and another one reads on. */
export class StalledStream extends Error {
  override readonly name = 'StalledStream'
}

/** Ends a stream of a log that does not end by itself, by aborting what it is read with. */
export class StreamWatch {
  #heardMs = steadyNowMs()
  /** What it has given takes long to be handed over: then it is no wonder that nothing more comes. */
  isHandingOver = false

  /** Something has come. */
  heard(): void {
    this.#heardMs = steadyNowMs()
  }

  /** Podman leaves a stream open when its container has ended: once nothing more comes, that is its end. */
  async endWithRun(container: Container, link: LinkedAbort): Promise<void> {
    while (container.isRunning && !link.signal.aborted) await container.changed.wait(LOOK_AGAIN_MS)
    this.heard()
    while (!link.signal.aborted && steadyNowMs() - this.#heardMs < QUIET_AT_END_MS) await sleep(QUIET_AT_END_MS / 4, link.signal)
    link.abort()
  }

  /**
   * A stream may be quiet for ever, and one whose connection is dead is as quiet as that: `end` says whether the log has lines that do not come, which is asked after
   * `quietMs` without any. Aborts with a {@link StalledStream}.
   */
  async endStalled(link: LinkedAbort, quietMs: number, end: (signal: AbortSignal) => Promise<EndOfLog>): Promise<void> {
    const { signal } = link
    for (let checkedMs = steadyNowMs(); !signal.aborted; ) {
      await sleep(Math.max(checkedMs, this.#heardMs) + quietMs - steadyNowMs(), signal)
      const heardMs = this.#heardMs
      if (steadyNowMs() - heardMs < quietMs) continue
      checkedMs = steadyNowMs()
      if (this.isHandingOver || signal.aborted || (await end(signal)) !== 'missing') continue
      await sleep(LATE_MS, signal)
      if (this.#heardMs === heardMs && !this.isHandingOver) {
        link.abort(new StalledStream('the stream of its log stands still, though there are lines'))
      }
    }
  }
}
