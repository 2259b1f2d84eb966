import { errorText } from '../../../lib/error-text.ts'
import { type LinkedAbort, linkedAbort } from '../../../lib/linked-abort.ts'
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
import { type BehindDamage, behindDamage, type EndOfLog, endOfLog, newestLine } from './log-tail.ts'
import { RepeatedLine } from './repeated-line.ts'
import { StalledStream, StreamWatch } from './stream-watch.ts'
import { Witnesses } from './witnesses.ts'

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
/** The engine tells its clock in whole seconds. */
const AHEAD_NS = 2_000_000_000n
const NS_PER_MS = 1_000_000n
/** What is behind a damage is not behind a rotation: where reading was left does not come again, and is not missed. */
const NEVER_NS = 2n ** 63n
const QUIET_MS = 120_000

interface OneStream {
  readonly resumed: ResumedStream
  readonly repeated: RepeatedLine
}

type Streams = Readonly<Record<LogLine['stream'], OneStream>>

/** A stream that is read, or was read last. */
export interface OpenStream {
  readonly reader: LogReader
  readonly streams: Streams
}

/** The streams of one container's log, one after the other: each goes on behind the last line that was handed over. */
export class LogStreams {
  readonly #options: LogStreamsOptions
  /** What the next stream is of. */
  #behindDamage: BehindDamage | undefined
  /** Of the stream that is read. */
  #watch = new StreamWatch()
  #witnesses: Witnesses
  #isLookedThrough = false
  /** So many lines had been handed over when a stream had passed over some. */
  #passedOverAt = -1
  /**
   * The next stream is asked for from the log's first line, since the clock was set back: what was written then is of before the position, and some engines leave out
   * all that is. `asked`: it was, and no line has been handed over since.
   */
  #fromFirst: 'due' | 'asked' | undefined
  /** Where to read from while no line has been handed over that says so. */
  #fromNs: bigint | undefined
  /** Undefined where the last one could not be opened. */
  open: OpenStream | undefined

  constructor(options: LogStreamsOptions) {
    this.#options = options
    this.#witnesses = this.#newWitnesses()
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
    if (open !== undefined) await this.#take(open.reader.end(), open.streams, AbortSignal.abort(), stop)
  }

  /** Whether all lines that the log has now have been read. Never rejects. */
  async end(stop: AbortSignal): Promise<Exclude<EndOfLog, 'older'>> {
    const read = { position: this.#options.containerLog.delivered, open: this.open?.reader.open ?? [], fromNs: this.#fromNs }
    try {
      const end = await endOfLog(this.#options, read, stop)
      if (end !== 'older') return end
      // A stream of the whole log has not given it: there is no other way.
      if (this.#fromFirst === 'asked') return 'unknown'
      this.#fromFirst = 'due'
      return 'missing'
    } catch (error) {
      if (!stop.aborted) this.fail(error)
      return 'unknown'
    }
  }

  /** Whether the log has a damage. Then the next stream is of what is behind it, and lines that are lost by it are said. Never rejects. */
  async skipDamage(stop: AbortSignal): Promise<boolean> {
    const { container, containerLog, gaps, progress } = this.#options
    try {
      const behind = await behindDamage(this.#options, containerLog.delivered?.timeNs ?? this.#fromNs ?? -1n, stop)
      if (behind === undefined) return false
      this.#behindDamage = behind
      gaps.add('damaged', container.label, progress.lastError)
      return true
    } catch (error) {
      if (!stop.aborted) this.fail(error)
      return false
    }
  }

  fail(error: unknown): void {
    this.#options.progress.failed(errorText(error))
  }

  async #readStream(link: LinkedAbort, stop: AbortSignal): Promise<void> {
    const { containerLog, engine, container, progress, quietMs = QUIET_MS } = this.#options
    this.#watch = new StreamWatch()
    if (engine.isPodman) void this.#watch.endWithRun(container, link)
    // A power cut may have left one since an earlier life of the process read it.
    if (!this.#isLookedThrough && containerLog.delivered !== undefined && !engine.isPodman) await this.skipDamage(link.signal)
    this.#isLookedThrough = true
    const behind = this.#behindDamage
    if (behind !== undefined) await this.#readBefore(behind, link.signal, stop)
    const position = containerLog.delivered
    const sinceNs = behind === undefined ? this.#since(position) : 0n
    const request = { follow: true, sinceNs, ...(behind !== undefined && { tail: behind.records }) }
    const { reader, chunks } = await openLog(this.#options, request, link.signal)
    this.#behindDamage = undefined
    if (this.#fromFirst === 'due') this.#fromFirst = 'asked'
    const streams = streamsFrom(position, behind === undefined ? sinceNs : NEVER_NS)
    this.open = { reader, streams }
    progress.be('following')
    void this.#watch.endStalled(link, quietMs, (signal) => this.end(signal))
    this.#witnesses = this.#newWitnesses()
    if (position !== undefined && behind === undefined) await this.#watchLag(link.signal)
    for await (const chunk of chunks) {
      const read = reader.push(chunk)
      const count = this.#witnesses.before(read)
      await this.#take(read.slice(0, count), streams, link.signal, stop)
      if (count < read.length) await this.#passedOver(stop)
      await this.#take(read.slice(count), streams, link.signal, stop)
      this.#watch.heard()
    }
  }

  /** What has not been read before a damage. */
  async #readBefore({ oldestNs }: BehindDamage, signal: AbortSignal, stop: AbortSignal): Promise<void> {
    const position = this.#options.containerLog.delivered
    const sinceNs = this.#since(position)
    const { reader, chunks } = await openLog(this.#options, { follow: false, sinceNs }, signal)
    const streams = streamsFrom(position, sinceNs)
    for await (const chunk of chunks) {
      const read = reader.push(chunk).filter((line) => !('problem' in line) && line.timeNs < oldestNs)
      await this.#take(read, streams, signal, stop)
    }
  }

  /** What the stream has given shows that lines are missing: it is given up, and they are read by another. Resolves where a clock that was set back may look like that. */
  async #passedOver(stop: AbortSignal): Promise<void> {
    const isDamaged = await this.skipDamage(stop)
    if (!isDamaged && this.#options.progress.lines === this.#passedOverAt) return
    this.#passedOverAt = this.#options.progress.lines
    throw new StalledStream(
      isDamaged ? 'the engine passes over a damaged part of its log' : 'the engine passes over lines that it has rotated',
    )
  }

  #newWitnesses(): Witnesses {
    const { containerLog } = this.#options
    return new Witnesses({ newest: (signal) => newestLine(this.#options, signal), position: () => containerLog.delivered })
  }

  /** Podman's times are too coarse for it. */
  async #watchLag(signal: AbortSignal): Promise<void> {
    if (!this.#options.engine.isPodman) await this.#witnesses.watch(signal)
  }

  /** Where to read from, by the engine's clock: 0 is from the first line. */
  #since(position: Position | undefined): bigint {
    const { container, engine } = this.#options
    if (this.#fromNs !== undefined) return this.#fromNs
    if (position === undefined) return 0n
    if (this.#fromFirst === 'due' || engine.isBefore(position.timeNs - AHEAD_NS)) return 0n
    if (engine.isPodman) return wholeSecond(position.timeNs - SLACK_NS)
    // A terminal's last line may have no end: read from before it, what comes next would be taken for the rest of it.
    return container.description?.isTerminal === true ? position.timeNs + 1n : position.timeNs - SLACK_NS
  }

  async #take(read: ReturnType<LogReader['push']>, streams: Streams, signal: AbortSignal, stop: AbortSignal): Promise<void> {
    const { engine, container, gaps } = this.#options
    const lines: NumberedLine[] = []
    let problem: string | undefined
    for (const line of read) {
      if ('problem' in line) {
        problem = line.problem
        continue
      }
      const { resumed, repeated } = streams[line.stream]
      if (!engine.isPodman && repeated.isOne(line)) continue
      const ordinal = resumed.next(line.timeNs)
      if (resumed.hasGap) {
        resumed.hasGap = false
        gaps.add('rotated', container.label)
      }
      if (ordinal !== undefined) lines.push({ line, ordinal })
    }
    for (const { repeated } of [streams.stdout, streams.stderr]) repeated.rest()
    if (lines.length > 0 && !(await this.#handOver(lines, signal, stop))) return
    if (problem !== undefined) throw new DamagedStream(`the engine says within the log: ${problem}`)
  }

  /** False where `stop` has aborted: then they are not handed over. */
  async #handOver(lines: readonly NumberedLine[], signal: AbortSignal, stop: AbortSignal): Promise<boolean> {
    const { room, deliver, progress } = this.#options
    const before = progress.state
    this.#watch.isHandingOver = true
    await this.#witnesses.during(async () => {
      while (!stop.aborted && !deliver(lines)) {
        progress.be('waiting')
        void this.#watchLag(signal)
        await room(stop)
      }
    })
    this.#watch.isHandingOver = false
    if (stop.aborted) return false
    progress.be(before)
    progress.handedOver(lines)
    this.#fromNs = undefined
    this.#fromFirst = undefined
    return true
  }
}

function streamsFrom(position: Position | undefined, sinceNs: bigint): Streams {
  const from = (stream: LogLine['stream']) => ({ resumed: new ResumedStream(position?.[stream], sinceNs), repeated: new RepeatedLine() })
  return { stdout: from('stdout'), stderr: from('stderr') }
}

/** Podman's times are. */
function wholeSecond(timeNs: bigint): bigint {
  return timeNs - (timeNs % 1_000_000_000n)
}
