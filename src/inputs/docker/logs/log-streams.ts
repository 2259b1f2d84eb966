import { errorText } from '../../../lib/error-text.ts'
import { type LinkedAbort, linkedAbort } from '../../../lib/linked-abort.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { NumberedLine } from '../container-source.ts'
import type { Gaps } from '../gaps.ts'
import type { ContainerLog } from '../positions/container-log.ts'
import type { Position } from '../positions/positions-file.ts'
import { ResumedStream } from '../positions/resume.ts'
import { DamagedStream } from './frame-reader.ts'
import type { LogLine } from './line-joiner.ts'
import type { LogProgress } from './log-progress.ts'
import type { LogReader } from './log-reader.ts'
import { type ContainersLog, openLog } from './log-request.ts'
import { behindDamage, type EndOfLog, endOfLog, newestLine } from './log-tail.ts'
import { Witness } from './witness.ts'

export interface LogStreamsOptions extends ContainersLog {
  readonly containerLog: ContainerLog
  readonly gaps: Gaps
  readonly progress: LogProgress
  /** After so long without a line, the engine is asked whether there is one. */
  readonly quietMs?: number
  /** Resolves when there may be room for more lines, or `stop` aborts. */
  readonly room: (stop: AbortSignal) => Promise<void>
  /** Takes lines, or returns false where there is no room: many logs wait for it. */
  readonly deliver: (lines: readonly NumberedLine[]) => boolean
}

/** Both streams are copied at the same time, so that a line of one may be in the log behind a later one of the other. */
const SLACK_NS = 1_000_000_000n
const NS_PER_MS = 1_000_000n
const QUIET_MS = 120_000
/** So long a line that is there may take to come. */
const LATE_MS = 5000
/** Whoever stops it rings the container's bell. */
const LOOK_AGAIN_MS = 60_000
/** Of Podman. */
const PODMANS_END_MS = 2000

type Streams = Readonly<Record<LogLine['stream'], ResumedStream>>

/** A stream that is read, or was read last. */
export interface OpenStream {
  readonly reader: LogReader
  readonly streams: Streams
}

/** It is given up, and another one reads on. */
class StalledStream extends Error {
  override readonly name = 'StalledStream'
}

/** The streams of one container's log, one after the other: each goes on behind the last line that was handed over. */
export class LogStreams {
  readonly #options: LogStreamsOptions
  /** So many of the log's last records are behind a damage: only they can be read. */
  #behindDamage: number | undefined
  /** Of the stream that is read: when something came last, or was handed over. */
  #heardMs = 0
  #isHandingOver = false
  /** Where to read from while no line has been handed over that says so. */
  #fromNs: bigint | undefined
  /** Undefined where the last one could not be opened. */
  open: OpenStream | undefined

  constructor(options: LogStreamsOptions) {
    this.#options = options
  }

  /** What was written before is not read. */
  beginNow(): void {
    this.#fromNs = BigInt(Date.now()) * NS_PER_MS
  }

  /** Reads a stream until it ends, or `stop` aborts. Rejects where it breaks, or cannot be opened. */
  async read(stop: AbortSignal): Promise<void> {
    const link = linkedAbort(stop)
    this.open = undefined
    try {
      if (this.#options.engine.isPodman) void this.#endWithRun(link)
      await this.#readStream(link, stop)
    } catch (error) {
      if (stop.aborted || !link.signal.aborted || link.signal.reason instanceof StalledStream) throw error
    } finally {
      link.unlink()
      link.abort()
    }
  }

  /** The last thing that a container writes may have no line feed. */
  async takeRest(open: OpenStream | undefined, stop: AbortSignal): Promise<void> {
    if (open !== undefined) await this.#take(open.reader.end(), open.streams, stop)
  }

  /** Whether all lines that the log has now have been read. Never rejects. */
  async end(stop: AbortSignal): Promise<EndOfLog> {
    const read = { position: this.#options.containerLog.delivered, open: this.open?.reader.open ?? [], fromNs: this.#fromNs }
    try {
      return await endOfLog(this.#options, read, stop)
    } catch (error) {
      if (!stop.aborted) this.fail(error)
      return 'unknown'
    }
  }

  /** Whether the log has a damage. Then the next stream is of what is behind it, and lines that are lost by it are said. Never rejects. */
  async skipDamage(stop: AbortSignal): Promise<boolean> {
    const { container, containerLog, gaps, progress } = this.#options
    try {
      const behind = await behindDamage(this.#options, stop)
      if (behind === undefined) return false
      this.#behindDamage = behind.records
      const readToNs = containerLog.delivered?.timeNs ?? this.#fromNs
      if (readToNs === undefined || behind.oldestNs > readToNs) gaps.add('damaged', container.label, progress.lastError)
      return true
    } catch (error) {
      if (!stop.aborted) this.fail(error)
      return false
    }
  }

  fail(error: unknown): void {
    this.#options.progress.failed(errorText(error))
  }

  /** Podman leaves a stream open when its container has ended: once nothing more comes, that is its end. */
  async #endWithRun(link: LinkedAbort): Promise<void> {
    const { container } = this.#options
    while (container.isRunning && !link.signal.aborted) await container.changed.wait(LOOK_AGAIN_MS)
    this.#heardMs = steadyNowMs()
    while (!link.signal.aborted && steadyNowMs() - this.#heardMs < PODMANS_END_MS) await sleep(PODMANS_END_MS / 4, link.signal)
    link.abort()
  }

  /** A stream may be quiet for ever, and a broken one is as quiet as that. Whether the log has lines that do not come, the engine says. */
  async #watch(link: LinkedAbort): Promise<void> {
    const { quietMs = QUIET_MS } = this.#options
    for (let checkedMs = steadyNowMs(); !link.signal.aborted; ) {
      await sleep(Math.max(checkedMs, this.#heardMs) + quietMs - steadyNowMs(), link.signal)
      const heardMs = this.#heardMs
      if (steadyNowMs() - heardMs < quietMs) continue
      checkedMs = steadyNowMs()
      if (this.#isHandingOver || link.signal.aborted || (await this.end(link.signal)) !== 'missing') continue
      await sleep(LATE_MS, link.signal)
      if (this.#heardMs === heardMs && !this.#isHandingOver)
        link.abort(new StalledStream('the stream of its log stands still, though there are lines'))
    }
  }

  async #readStream(link: LinkedAbort, stop: AbortSignal): Promise<void> {
    const { containerLog, engine, progress } = this.#options
    const position = containerLog.delivered
    const tail = this.#behindDamage
    const sinceNs = tail === undefined ? this.#since(position) : 0n
    const request = { follow: true, sinceNs, ...(tail !== undefined && { tail }) }
    const { reader, chunks } = await openLog(this.#options, request, link.signal)
    this.#behindDamage = undefined
    // What is behind a damage is not behind a rotation.
    const resumed = (stream: LogLine['stream']) => new ResumedStream(position?.[stream], tail === undefined ? sinceNs : undefined)
    const streams = { stdout: resumed('stdout'), stderr: resumed('stderr') }
    this.open = { reader, streams }
    progress.be('following')
    this.#heardMs = steadyNowMs()
    void this.#watch(link)
    const isWitnessed = position !== undefined && tail === undefined && !engine.isPodman
    const newest = isWitnessed ? await newestLine(this.#options, link.signal).catch(() => undefined) : undefined
    const witness = new Witness(newest, position)
    for await (const chunk of chunks) {
      const read = reader.push(chunk)
      const count = witness.before(read)
      await this.#take(read.slice(0, count), streams, stop)
      if (count < read.length) {
        if (await this.skipDamage(stop)) throw new StalledStream('the engine passes over lines of its log')
        await this.#take(read.slice(count), streams, stop)
      }
      this.#heardMs = steadyNowMs()
    }
  }

  /** Where to read from, by the engine's clock: 0 is from the first line. */
  #since(position: Position | undefined): bigint {
    const { container, engine } = this.#options
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
    this.#isHandingOver = true
    while (!stop.aborted && !deliver(lines)) {
      progress.be('waiting')
      await room(stop)
    }
    this.#isHandingOver = false
    if (stop.aborted) return false
    progress.be(before)
    progress.handedOver(lines)
    this.#fromNs = undefined
    return true
  }
}

/** Podman's times are. */
function wholeSecond(timeNs: bigint): bigint {
  return timeNs - (timeNs % 1_000_000_000n)
}
