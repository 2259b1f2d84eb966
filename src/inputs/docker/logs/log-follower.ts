import { backoffMs } from '../../../lib/backoff.ts'
import { errorText } from '../../../lib/error-text.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { EngineFailed } from '../engine/engine-failed.ts'
import type { Inventory } from '../inventory/inventory.ts'
import { LogProgress } from './log-progress.ts'
import { LogStreams, type LogStreamsOptions, type OpenStream } from './log-streams.ts'
import type { Turns } from './turns.ts'

export interface LogFollowerOptions extends Omit<LogStreamsOptions, 'progress'> {
  readonly inventory: Inventory
  /** Where nothing of it has been read: from now on, or from its first line. */
  readonly fromNow: boolean
  /** Of the logs of containers that do not run. */
  readonly turns: Turns
  /** Its streams end at once, though nothing is missing. `error` is what the last of them said, if it said anything. */
  readonly cutShort: (error: string | undefined) => void
}

const BACKOFF = { initialMs: 250, maxMs: 30_000, jitter: 0.2 }
/** A stream that ends sooner than this, without a line, has given nothing. */
const FRUITLESS_MS = 1000
/** After so many of them in a row it is asked what the log has. */
const MOST_FRUITLESS = 4
/** Whoever stops it rings the container's bell. */
const LOOK_AGAIN_MS = 60_000
const GONE = 404
const REMOVING = 409
const UNREADABLE = 501

/** How reading a container's log came to its end for now. */
type Ending = 'ended' | 'gone' | 'unreadable' | 'failed'

/**
 * Reads one container's log, from its first line or from where it was left, through all of its runs, for as long as the engine has it. That a stream ends says nothing
 * of the log: a connection may be cut, by whatever stands between. What the log has, its last lines say.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions
  readonly #streams: LogStreams
  /** Streams in a row that gave nothing. */
  #fruitless = 0
  /** A run of which a stream came to its end. */
  #ended: { readonly run: number; readonly open: OpenStream | undefined } | undefined
  /** Of the last stream, where it broke. */
  #error: string | undefined
  readonly progress = new LogProgress()

  constructor(options: LogFollowerOptions) {
    this.#options = options
    this.#streams = new LogStreams({ ...options, progress: this.progress })
  }

  /** Ends when `stop` aborts, or the engine has the container no more. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { container, fromNow } = this.#options
    const { progress } = this
    const streams = this.#streams
    if (container.run === 0) progress.be('idle', 'it has not been started yet')
    else if (fromNow && !container.isRunning) progress.be('idle', 'it had ended before this worker began, and CFMR_STATE is not set')
    else if (this.#wasReadToItsEnd) progress.be('ended')
    if (progress.state !== 'opening') {
      if (!(await this.#nextRun(container.run, stop))) return
    } else if (fromNow) streams.beginNow()
    for (let tries = 0; !stop.aborted; ) {
      const { run, isRunning } = container
      const before = progress.lines
      const startedMs = steadyNowMs()
      const ending = await this.#read(isRunning, stop)
      if (stop.aborted) return
      if (ending === 'gone') return this.#endGone(run, stop)
      const isFruitless = progress.lines === before && steadyNowMs() - startedMs < FRUITLESS_MS
      if (!isFruitless) {
        tries = 0
        this.#fruitless = 0
      }
      if (ending === 'unreadable' || (ending === 'ended' && (await this.#isOver(run, stop)))) {
        // A stream that was open when the container ended may end before its last lines: they are there for whoever asks once more.
        const isSure = !isRunning && (!this.#options.engine.isPodman || progress.lines === before)
        if (ending === 'ended' && !isSure) {
          this.#ended = { run, open: streams.open }
          continue
        }
        if (ending === 'unreadable' || (await this.#endRun(stop))) {
          if (!(await this.#nextRun(run, stop))) return
          tries = 0
          continue
        }
      }
      if (isFruitless && streams.open !== undefined) await this.#countFruitless(stop)
      await sleep(backoffMs(tries++, BACKOFF), stop)
    }
  }

  /** An earlier life of the process has read all of it, and it has not run since. */
  get #wasReadToItsEnd(): boolean {
    const { container, containerLog } = this.#options
    const end = containerLog.delivered?.end
    return end !== undefined && end === container.endedRun
  }

  /** Whether the run that was read has come to its end: else the stream broke. */
  async #isOver(run: number, stop: AbortSignal): Promise<boolean> {
    const { container, inventory } = this.#options
    try {
      if (!(await inventory.refresh(container, stop))) return true
    } catch (error) {
      if (!stop.aborted) this.#streams.fail(error)
      return false
    }
    return !container.isRunning && container.run === run
  }

  /** A run has ended, and so has its stream. False where lines are missing. */
  async #endRun(stop: AbortSignal): Promise<boolean> {
    const { container, containerLog } = this.#options
    const { endedRun } = container
    const end = await this.#streams.end(stop)
    if (end === 'missing' || stop.aborted) return false
    await this.#streams.takeRest(this.#streams.open, stop)
    if (end === 'reached' && endedRun !== undefined && !stop.aborted) containerLog.reached(endedRun)
    this.progress.be('ended')
    return true
  }

  /** The engine has it no more. Where a stream of its last run has come to its end, that was all. */
  async #endGone(run: number, stop: AbortSignal): Promise<void> {
    const { container, gaps } = this.#options
    if (this.#ended?.run === run) await this.#streams.takeRest(this.#ended.open, stop)
    else gaps.add('removed', container.label)
    this.progress.be('removed')
  }

  /** Waits for the container's next run; false where there will be none. */
  async #nextRun(run: number, stop: AbortSignal): Promise<boolean> {
    const { container } = this.#options
    while (!stop.aborted && !container.isGone && container.run === run) await container.changed.wait(LOOK_AGAIN_MS)
    if (!container.isGone) this.progress.be('opening')
    return !container.isGone
  }

  async #read(isRunning: boolean, stop: AbortSignal): Promise<Ending> {
    const { container, gaps, turns } = this.#options
    const read = () => this.#streams.read(stop)
    this.#error = undefined
    if (!isRunning) this.progress.be('queued')
    try {
      await (isRunning ? read() : turns.run(read))
      this.progress.be('opening')
      return 'ended'
    } catch (error) {
      if (stop.aborted) return 'ended'
      const status = error instanceof EngineFailed ? error.status : undefined
      if (status === GONE || status === REMOVING) return 'gone'
      this.#streams.fail(error)
      this.#error = errorText(error)
      this.progress.be(status === UNREADABLE ? 'unreadable' : 'retrying', this.#error)
      if (status !== UNREADABLE) return 'failed'
      gaps.add('driver', container.label, this.#error)
      return 'unreadable'
    }
  }

  /** A stream that gives nothing is no sign of a damaged log, unless that has lines which no stream gives: then it is read on behind the damage. */
  async #countFruitless(stop: AbortSignal): Promise<void> {
    if (++this.#fruitless < MOST_FRUITLESS) return
    if ((await this.#streams.end(stop)) === 'missing' && (await this.#streams.skipDamage(stop))) this.#fruitless = 0
    else if (!stop.aborted) {
      this.progress.be('retrying', `its streams end at once${this.#error === undefined ? '' : `: ${this.#error}`}`)
      this.#options.cutShort(this.#error)
    }
  }
}
