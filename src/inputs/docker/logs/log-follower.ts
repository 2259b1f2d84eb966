import { backoffMs } from '../../../lib/backoff.ts'
import { errorText } from '../../../lib/error-text.ts'
import { type LinkedAbort, linkedAbort } from '../../../lib/linked-abort.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { NumberedLine } from '../container-source.ts'
import type { Engine } from '../engine/engine.ts'
import { EngineFailed } from '../engine/engine-failed.ts'
import type { Gaps } from '../gaps.ts'
import type { Container, Description } from '../inventory/container.ts'
import { sinceText } from '../inventory/engine-event.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { ContainerLog } from '../positions/container-log.ts'
import type { Position } from '../positions/positions-file.ts'
import { ResumedStream } from '../positions/resume.ts'
import { DamagedStream } from './frame-reader.ts'
import type { LogLine } from './line-joiner.ts'
import { type LogReader, logReader } from './log-reader.ts'

export interface LogFollowerOptions {
  readonly engine: Engine
  readonly inventory: Inventory
  readonly container: Container
  readonly containerLog: ContainerLog
  readonly gaps: Gaps
  /** Bytes of a line that are kept. */
  readonly maxBytes: number
  /** Where nothing of it has been read: from now on, or from its first line. */
  readonly fromNow: boolean
  /** Resolves when there may be room for more lines, or `stop` aborts. */
  readonly room: (stop: AbortSignal) => Promise<void>
  /** Takes lines, or returns false where there is no room: many logs wait for it. */
  readonly deliver: (lines: readonly NumberedLine[]) => boolean
}

const BACKOFF = { initialMs: 250, maxMs: 30_000, jitter: 0.2 }
/** Both streams are copied at the same time, so that a line of one may be in the log behind a later one of the other. */
const SLACK_NS = 1_000_000_000n
const NS_PER_MS = 1_000_000n
/** A stream that ends sooner than this, without a line, has given nothing. */
const FRUITLESS_MS = 1000
/** So many of them in a row, of a container that runs, and its log cannot be read on from where it was left. */
const MOST_FRUITLESS = 4
/** Whoever stops it rings the container's bell. */
const LOOK_AGAIN_MS = 60_000
/** Of Podman. */
const QUIET_MS = 2000
const GONE = 404
const REMOVING = 409
const UNREADABLE = 501

type Streams = Readonly<Record<LogLine['stream'], ResumedStream>>

/** A stream that is read. */
interface Open {
  readonly reader: LogReader
  readonly streams: Streams
}

/** How reading a container's log came to its end for now. */
type Ending = 'ended' | 'gone' | 'unreadable' | 'failed'

/**
 * Reads one container's log, from its first line or from where it was left, through all of its runs, for as long as the engine has it. However a stream ends, reading
 * goes on behind the last line that was handed over.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions
  #fruitless = 0
  #skipsDamage = false
  #lines = 0
  #quietSinceMs = 0
  /** Where to read from while no line has been handed over that says so. */
  #fromNs: bigint | undefined
  #open: Open | undefined
  /** A run of which a stream came to its end. */
  #ended: { readonly run: number; readonly open: Open | undefined } | undefined
  /** Why nothing comes; undefined where it is read, or has been read to its end. */
  problem: string | undefined
  isStreaming = false
  failures = 0
  lastError: string | undefined

  constructor(options: LogFollowerOptions) {
    this.#options = options
  }

  get lines(): number {
    return this.#lines
  }

  /** Ends when `stop` aborts, or the engine has the container no more. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { container, fromNow } = this.#options
    if (container.run === 0 || (fromNow && !container.isRunning)) {
      if (!(await this.#nextRun(container.run, stop))) return
    } else if (fromNow) this.#fromNs = BigInt(Date.now()) * NS_PER_MS
    for (let tries = 0; !stop.aborted; ) {
      const { run, isRunning } = container
      const before = this.#lines
      const ending = await this.#read(stop)
      if (stop.aborted) return
      if (ending === 'gone') return this.#endGone(run, stop)
      if (this.#lines > before) tries = 0
      if (ending === 'unreadable' || (ending === 'ended' && (await this.#isOver(run, stop)))) {
        // A stream that was open when the container ended may end before its last lines: they are there for whoever asks once more.
        const isSure = !isRunning && (!this.#options.engine.isPodman || this.#lines === before)
        if (ending === 'ended' && !isSure) {
          this.#ended = { run, open: this.#open }
          continue
        }
        if (ending === 'ended') await this.#endRun(this.#open, stop)
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

  /** The last thing that a container writes may have no line feed. */
  async #endRun(open: Open | undefined, stop: AbortSignal): Promise<void> {
    if (open !== undefined) await this.#take(open.reader.end(), open.streams, stop)
  }

  /** The engine has it no more. Where a stream of its last run has come to its end, that was all. */
  async #endGone(run: number, stop: AbortSignal): Promise<void> {
    const { container, gaps } = this.#options
    if (this.#ended?.run === run) await this.#endRun(this.#ended.open, stop)
    else gaps.add('removed', container.label)
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
    const before = this.#lines
    this.#open = undefined
    try {
      await this.#stream(stop)
      if (this.#lines > before || steadyNowMs() - startedMs > FRUITLESS_MS) this.#fruitless = 0
      else this.#countFruitless()
      return 'ended'
    } catch (error) {
      if (stop.aborted) return 'ended'
      const status = error instanceof EngineFailed ? error.status : undefined
      if (status === GONE || status === REMOVING) return 'gone'
      this.#fail(error)
      if (status === UNREADABLE) {
        this.problem = errorText(error)
        gaps.add('driver', container.label, errorText(error))
        return 'unreadable'
      }
      if (error instanceof DamagedStream) this.#countFruitless()
      return 'failed'
    } finally {
      this.isStreaming = false
    }
  }

  /** What is behind a damaged part of a log is not given from before it: read on from now, and say so. */
  #countFruitless(): void {
    const { container, gaps } = this.#options
    if (!container.isRunning || ++this.#fruitless < MOST_FRUITLESS) return
    this.#fruitless = 0
    this.#skipsDamage = true
    gaps.add('damaged', container.label, this.lastError)
  }

  async #stream(stop: AbortSignal): Promise<void> {
    const link = linkedAbort(stop)
    if (this.#options.engine.isPodman) void this.#endWithRun(link)
    try {
      await this.#readStream(link.signal, stop)
    } catch (error) {
      if (stop.aborted || !link.signal.aborted) throw error
    } finally {
      link.unlink()
      link.abort()
    }
    this.#skipsDamage = false
  }

  /** Podman leaves a stream open when its container has ended: once nothing more comes, that is its end. */
  async #endWithRun(link: LinkedAbort): Promise<void> {
    const { container } = this.#options
    while (container.isRunning && !link.signal.aborted) await container.changed.wait(LOOK_AGAIN_MS)
    this.#quietSinceMs = steadyNowMs()
    while (!link.signal.aborted && steadyNowMs() - this.#quietSinceMs < QUIET_MS) await sleep(QUIET_MS / 4, link.signal)
    link.abort()
  }

  async #readStream(signal: AbortSignal, stop: AbortSignal): Promise<void> {
    const { engine, container, containerLog, maxBytes } = this.#options
    const description = container.description as Description
    const position = containerLog.delivered
    const sinceNs = this.#since(position)
    const query = { follow: true, stdout: true, stderr: true, timestamps: true, ...(sinceNs > 0n && { since: sinceText(sinceNs) }) }
    const what = `read the log of container ${container.shortId}`
    const { contentType, chunks } = await engine.stream(`/containers/${container.id}/logs`, query, what, signal)
    const streams = {
      stdout: new ResumedStream(position?.stdout, sinceNs),
      stderr: new ResumedStream(position?.stderr, sinceNs),
    }
    const isTerminal = contentType.startsWith('application/vnd.docker.') ? contentType.endsWith('.raw-stream') : description.isTerminal
    const reader = logReader({ isTerminal, maxBytes, partsShareTime: !engine.isPodman, ...(engine.isPodman && PODMAN) })
    this.isStreaming = true
    this.problem = undefined
    this.#open = { reader, streams }
    for await (const chunk of chunks) {
      await this.#take(reader.push(chunk), streams, stop)
      this.#quietSinceMs = steadyNowMs()
    }
  }

  /** Where to read from, by the engine's clock: 0 is from the first line. */
  #since(position: Position | undefined): bigint {
    const { container, engine } = this.#options
    if (this.#skipsDamage) this.#fromNs = BigInt(Date.now()) * NS_PER_MS
    if (this.#fromNs !== undefined) return this.#fromNs
    if (position === undefined) return 0n
    if (engine.isPodman) return wholeSecond(position.timeNs - SLACK_NS)
    // A terminal's last line may have no end: read from before it, what comes next would be taken for the rest of it.
    return container.description?.isTerminal === true ? position.timeNs + 1n : position.timeNs - SLACK_NS
  }

  async #take(read: ReturnType<LogReader['push']>, streams: Streams, stop: AbortSignal): Promise<void> {
    const { container, gaps, room, deliver } = this.#options
    const lines: NumberedLine[] = []
    let problem: string | undefined
    for (const line of read) {
      if ('problem' in line) {
        problem = line.problem
        continue
      }
      const stream = streams[line.stream]
      const ordinal = stream.next(line.timeNs)
      if (stream.hasGap) {
        stream.hasGap = false
        gaps.add('rotated', container.label)
      }
      if (ordinal !== undefined) lines.push({ line, ordinal })
    }
    if (lines.length > 0) {
      while (!stop.aborted && !deliver(lines)) await room(stop)
      if (stop.aborted) return
      this.#lines += lines.length
      this.#fromNs = undefined
    }
    if (problem !== undefined) throw new DamagedStream(`the engine says within the log: ${problem}`)
  }

  #fail(error: unknown): void {
    this.failures++
    this.lastError = errorText(error)
  }
}

/** Podman cuts lines into parts of 8 KiB. */
const PODMAN = { partBytes: [8192] }

/** Podman's times are. */
function wholeSecond(timeNs: bigint): bigint {
  return timeNs - (timeNs % 1_000_000_000n)
}
