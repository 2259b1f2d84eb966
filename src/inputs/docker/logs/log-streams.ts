import { type LinkedAbort, linkedAbort } from '../../../lib/linked-abort.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { NumberedLine } from '../container-source.ts'
import type { Engine } from '../engine/engine.ts'
import type { Gaps } from '../gaps.ts'
import type { Container, Description } from '../inventory/container.ts'
import { sinceText } from '../inventory/engine-event.ts'
import type { ContainerLog } from '../positions/container-log.ts'
import type { Position } from '../positions/positions-file.ts'
import { ResumedStream } from '../positions/resume.ts'
import { DamagedStream } from './frame-reader.ts'
import type { LogLine } from './line-joiner.ts'
import type { LogProgress } from './log-progress.ts'
import { type LogReader, logReader } from './log-reader.ts'

export interface LogStreamsOptions {
  readonly engine: Engine
  readonly container: Container
  readonly containerLog: ContainerLog
  readonly gaps: Gaps
  readonly progress: LogProgress
  /** Bytes of a line that are kept. */
  readonly maxBytes: number
  /** Resolves when there may be room for more lines, or `stop` aborts. */
  readonly room: (stop: AbortSignal) => Promise<void>
  /** Takes lines, or returns false where there is no room: many logs wait for it. */
  readonly deliver: (lines: readonly NumberedLine[]) => boolean
}

/** Both streams are copied at the same time, so that a line of one may be in the log behind a later one of the other. */
const SLACK_NS = 1_000_000_000n
const NS_PER_MS = 1_000_000n
/** Whoever stops it rings the container's bell. */
const LOOK_AGAIN_MS = 60_000
/** Of Podman. */
const QUIET_MS = 2000

type Streams = Readonly<Record<LogLine['stream'], ResumedStream>>

/** A stream that is read, or was. */
export interface Open {
  readonly reader: LogReader
  readonly streams: Streams
}

/** Reads streams of one container's log, one after the other: each from behind the last line that was handed over. */
export class LogStreams {
  readonly #options: LogStreamsOptions
  #skipsDamage = false
  #quietSinceMs = 0
  /** Where to read from while no line has been handed over that says so. */
  #fromNs: bigint | undefined
  #open: Open | undefined

  constructor(options: LogStreamsOptions) {
    this.#options = options
  }

  /** The latest; undefined where it could not be opened. */
  get open(): Open | undefined {
    return this.#open
  }

  /** What was written until now is not read. */
  beginNow(): void {
    this.#fromNs = nowNs()
  }

  /** The next stream begins where it is opened: what is before, behind the last line that was handed over, cannot be read. */
  skipDamage(): void {
    this.#skipsDamage = true
  }

  /** Resolves when a stream has come to its end. Throws an EngineFailed or a {@link DamagedStream} where it cannot be opened, or breaks. */
  async read(stop: AbortSignal): Promise<void> {
    this.#open = undefined
    const link = linkedAbort(stop)
    if (this.#options.engine.isPodman) void this.#endWithRun(link)
    try {
      await this.#read(link.signal, stop)
    } catch (error) {
      if (stop.aborted || !link.signal.aborted) throw error
    } finally {
      link.unlink()
      link.abort()
    }
    this.#skipsDamage = false
  }

  /** The last thing that a container writes may have no line feed: it is handed over once it is known to be the last. */
  async end(open: Open | undefined, stop: AbortSignal): Promise<void> {
    if (open !== undefined) await this.#take(open.reader.end(), open.streams, stop)
  }

  /** Podman leaves a stream open when its container has ended: once nothing more comes, that is its end. */
  async #endWithRun(link: LinkedAbort): Promise<void> {
    const { container } = this.#options
    while (container.isRunning && !link.signal.aborted) await container.changed.wait(LOOK_AGAIN_MS)
    this.#quietSinceMs = steadyNowMs()
    while (!link.signal.aborted && steadyNowMs() - this.#quietSinceMs < QUIET_MS) await sleep(QUIET_MS / 4, link.signal)
    link.abort()
  }

  async #read(signal: AbortSignal, stop: AbortSignal): Promise<void> {
    const { engine, container, containerLog, maxBytes, progress } = this.#options
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
    progress.be('following')
    this.#open = { reader, streams }
    for await (const chunk of chunks) {
      await this.#take(reader.push(chunk), streams, stop)
      this.#quietSinceMs = steadyNowMs()
    }
  }

  /** Where to read from, by the engine's clock: 0 is from the first line. */
  #since(position: Position | undefined): bigint {
    const { container, engine } = this.#options
    if (this.#skipsDamage) this.#fromNs = nowNs()
    if (this.#fromNs !== undefined) return this.#fromNs
    if (position === undefined) return 0n
    if (engine.isPodman) return wholeSecond(position.timeNs - SLACK_NS)
    // A terminal's last line may have no end: read from before it, what comes next would be taken for the rest of it.
    return container.description?.isTerminal === true ? position.timeNs + 1n : position.timeNs - SLACK_NS
  }

  async #take(read: ReturnType<LogReader['push']>, streams: Streams, stop: AbortSignal): Promise<void> {
    const { container, gaps } = this.#options
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
    if (lines.length > 0 && !(await this.#handOver(lines, stop))) return
    if (problem !== undefined) throw new DamagedStream(`the engine says within the log: ${problem}`)
  }

  /** False where `stop` has aborted: then they are not handed over. */
  async #handOver(lines: readonly NumberedLine[], stop: AbortSignal): Promise<boolean> {
    const { room, deliver, progress } = this.#options
    const before = progress.state
    while (!stop.aborted && !deliver(lines)) {
      progress.be('waiting')
      await room(stop)
    }
    if (stop.aborted) return false
    progress.be(before)
    progress.handedOver(lines)
    this.#fromNs = undefined
    return true
  }
}

/** Podman cuts lines into parts of 8 KiB. */
const PODMAN = { partBytes: [8192] }

/** Podman's times are. */
function wholeSecond(timeNs: bigint): bigint {
  return timeNs - (timeNs % 1_000_000_000n)
}

const nowNs = () => BigInt(Date.now()) * NS_PER_MS
