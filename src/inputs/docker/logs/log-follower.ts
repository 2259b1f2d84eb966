import { backoffMs } from '../../../lib/backoff.ts'
import { errorText } from '../../../lib/error-text.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { EngineFailed } from '../engine/engine-failed.ts'
import type { Inventory } from '../inventory/inventory.ts'
import { DamagedStream } from './frame-reader.ts'
import { LogProgress } from './log-progress.ts'
import { LogStreams, type LogStreamsOptions, type Open } from './log-streams.ts'

export interface LogFollowerOptions extends Omit<LogStreamsOptions, 'progress'> {
  readonly inventory: Inventory
  /** Where nothing of it has been read: from now on, or from its first line. */
  readonly fromNow: boolean
}

const BACKOFF = { initialMs: 250, maxMs: 30_000, jitter: 0.2 }
/** A stream that ends sooner than this, without a line, has given nothing. */
const FRUITLESS_MS = 1000
/** So many of them in a row, of a container that runs, and its log cannot be read on from where it was left. */
const MOST_FRUITLESS = 4
/** Whoever stops it rings the container's bell. */
const LOOK_AGAIN_MS = 60_000
const GONE = 404
const REMOVING = 409
const UNREADABLE = 501

/** How reading a container's log came to its end for now. */
type Ending = 'ended' | 'gone' | 'unreadable' | 'failed'

/**
 * Reads one container's log, from its first line or from where it was left, through all of its runs, for as long as the engine has it. However a stream ends, reading
 * goes on behind the last line that was handed over.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions
  readonly #streams: LogStreams
  #fruitless = 0
  /** A run of which a stream came to its end. */
  #ended: { readonly run: number; readonly open: Open | undefined } | undefined
  readonly progress = new LogProgress()

  constructor(options: LogFollowerOptions) {
    this.#options = options
    this.#streams = new LogStreams({ ...options, progress: this.progress })
  }

  /** Ends when `stop` aborts, or the engine has the container no more. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { container, fromNow, engine } = this.#options
    if (container.run === 0 || (fromNow && !container.isRunning)) {
      this.progress.be(
        'idle',
        container.run === 0 ? 'it has not been started yet' : 'it had ended before this worker began, and CFMR_STATE is not set',
      )
      if (!(await this.#nextRun(container.run, stop))) return
      this.progress.be('opening')
    } else if (fromNow) this.#streams.beginNow()
    for (let tries = 0; !stop.aborted; ) {
      const { run, isRunning } = container
      const before = this.progress.lines
      const ending = await this.#read(stop)
      if (stop.aborted) return
      if (ending === 'gone') return this.#endGone(run, stop)
      if (this.progress.lines > before) tries = 0
      if (ending === 'unreadable' || (ending === 'ended' && (await this.#isOver(run, stop)))) {
        // A stream that was open when the container ended may end before its last lines: they are there for whoever asks once more.
        const isSure = !isRunning && (!engine.isPodman || this.progress.lines === before)
        if (ending === 'ended' && !isSure) {
          this.#ended = { run, open: this.#streams.open }
          continue
        }
        if (ending === 'ended') {
          await this.#streams.end(this.#streams.open, stop)
          this.progress.be('ended')
        }
        if (!(await this.#nextRun(run, stop))) return
        tries = 0
        continue
      }
      await sleep(backoffMs(tries++, BACKOFF), stop)
    }
  }

  /** Whether the run that was read has come to its end: else the stream broke. */
  async #isOver(run: number, stop: AbortSignal): Promise<boolean> {
    const { container, inventory } = this.#options
    try {
      if (!(await inventory.refresh(container, stop))) return true
    } catch (error) {
      if (!stop.aborted) this.#fail(error)
      return false
    }
    return !container.isRunning && container.run === run
  }

  /** The engine has it no more. Where a stream of its last run has come to its end, that was all. */
  async #endGone(run: number, stop: AbortSignal): Promise<void> {
    const { container, gaps } = this.#options
    if (this.#ended?.run === run) await this.#streams.end(this.#ended.open, stop)
    else gaps.add('removed', container.label)
    this.progress.be('removed')
  }

  /** Waits for the container's next run; false where there will be none. */
  async #nextRun(run: number, stop: AbortSignal): Promise<boolean> {
    const { container } = this.#options
    while (!stop.aborted && !container.isGone && container.run === run) await container.changed.wait(LOOK_AGAIN_MS)
    return !container.isGone
  }

  async #read(stop: AbortSignal): Promise<Ending> {
    const { container, gaps } = this.#options
    const startedMs = steadyNowMs()
    const before = this.progress.lines
    try {
      await this.#streams.read(stop)
      this.progress.be('opening')
      if (this.progress.lines > before || steadyNowMs() - startedMs > FRUITLESS_MS) this.#fruitless = 0
      else this.#countFruitless()
      return 'ended'
    } catch (error) {
      if (stop.aborted) return 'ended'
      const status = error instanceof EngineFailed ? error.status : undefined
      if (status === GONE || status === REMOVING) return 'gone'
      this.#fail(error)
      if (status === UNREADABLE) {
        this.progress.be('unreadable', errorText(error))
        gaps.add('driver', container.label, errorText(error))
        return 'unreadable'
      }
      if (error instanceof DamagedStream) this.#countFruitless()
      return 'failed'
    }
  }

  /** What is behind a damaged part of a log is not given from before it: read on from now, and say so. */
  #countFruitless(): void {
    const { container, gaps } = this.#options
    if (!container.isRunning || ++this.#fruitless < MOST_FRUITLESS) return
    this.#fruitless = 0
    this.#streams.skipDamage()
    gaps.add('damaged', container.label, this.progress.lastError)
  }

  #fail(error: unknown): void {
    this.progress.failed(errorText(error))
    this.progress.be('retrying', errorText(error))
  }
}
