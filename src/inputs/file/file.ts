import type { Readable } from 'node:stream'
import type { Delivery, Input, InputStats, Left, Message } from '../../flow/contracts.ts'
import type { Ledger } from '../../flow/ledger.ts'
import { Run } from '../../flow/run.ts'
import { errorText } from '../../lib/error-text.ts'
import { GaveUp } from '../../lib/errors.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { Assignment } from '../offsets/assignment.ts'
import { Bell } from '../offsets/bell.ts'
import type { OffsetTracker } from '../offsets/offset-tracker.ts'
import { identityOf, piecesOf, STDIN, sizeOf } from './file-source.ts'
import { LineSplitter } from './line-splitter.ts'

export interface FilePosition {
  /** As it was named on the command line. */
  readonly file: string
  /** From 1. */
  readonly line: number
}

export interface FileInputOptions {
  /** Read in this order, each once; `-` is standard input. */
  readonly files: readonly string[]
  /** Files before this one are left out, and lines before it. */
  readonly from?: FilePosition | undefined
  /** Lines read and not yet settled, and bytes of them; reading pauses at either. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly ledger: Ledger
  readonly stdin?: Readable
}

/** What a progress bar shows. Bytes are as they lie there, before decompression; the total is undefined where a pipe is among the files. */
export interface FileProgress extends FilePosition {
  readonly bytesRead: number
  readonly bytesTotal: number | undefined
}

const DELIVERY_MESSAGES = 1000
const WAIT_MS = 500

/**
 * Envelopes from files, one a line (NDJSON; gzip too). A file is a topic of one partition, the number of a line its offset, so
 * that all that speaks of messages names file and line. Nothing is stored: {@link restart} says where to go on.
 */
export class FileInput implements Input, InputStats {
  readonly name = 'file'
  readonly acknowledged = true
  readonly failures = 0
  readonly lastError: string | undefined = undefined
  readonly isPaused = false
  readonly notReady = () => []
  readonly #options: FileInputOptions
  readonly #files: readonly string[]
  readonly #settled = new Bell()
  readonly #assignment: Assignment
  readonly #finished = new Set<string>()
  #bytesRead = 0
  #bytesTotal: number | undefined
  #current: FilePosition

  constructor(options: FileInputOptions) {
    this.#options = options
    const files = [...new Set(options.files)]
    this.#files = options.from === undefined ? files : files.slice(files.indexOf(options.from.file))
    this.#assignment = new Assignment(Object.fromEntries(this.#files.map((file) => [file, [0]])), options.ledger, this.#settled)
    for (const tracker of this.#assignment.trackers) tracker.begin(this.#firstLine(tracker.topic), undefined)
    this.#current = { file: this.#files[0] ?? '', line: 1 }
  }

  get inFlight(): number {
    return this.#assignment.inFlight
  }

  get progress(): FileProgress {
    return { ...this.#current, bytesRead: this.#bytesRead, bytesTotal: this.#bytesTotal }
  }

  /** The first line that is not settled, which all before it are: where to go on another time. Undefined when nothing is left. */
  get restart(): FilePosition | undefined {
    for (const file of this.#files) {
      const tracker = this.#assignment.tracker(file, 0)
      const line = tracker?.ready ?? this.#firstLine(file)
      if (!this.#finished.has(file) || line !== tracker?.position) return { file, line }
    }
    return undefined
  }

  /** Throws {@link GaveUp} where a file cannot be read: before the first line of any, if that can be known. */
  async *read(stop: AbortSignal): AsyncGenerator<Delivery, undefined> {
    this.#bytesTotal = await this.#checkFiles()
    for (const file of this.#files) {
      const tracker = this.#assignment.tracker(file, 0)
      if (tracker !== undefined) yield* this.#readFile(file, tracker, stop)
      if (stop.aborted) return
      this.#finished.add(file)
    }
  }

  async close(deadlineMs: number): Promise<readonly Left[]> {
    while (this.inFlight > 0 && steadyNowMs() < deadlineMs) await this.#settled.wait(deadlineMs - steadyNowMs())
    for (const tracker of this.#assignment.trackers) tracker.committed = tracker.ready
    return [{ of: 'envelopes', count: this.#assignment.end(), isReadAgain: true }]
  }

  async *#readFile(file: string, tracker: OffsetTracker, stop: AbortSignal): AsyncGenerator<Delivery, undefined> {
    const splitter = new LineSplitter(this.#firstLine(file))
    const read = (bytes: number) => {
      this.#bytesRead += bytes
    }
    try {
      for await (const piece of piecesOf(file, { stdin: this.#options.stdin ?? process.stdin, stop, read })) {
        yield* this.#deliver(splitter.push(piece), splitter.line, tracker, stop)
        if (stop.aborted) return
      }
      yield* this.#deliver(splitter.end(), splitter.line, tracker, stop)
    } catch (error) {
      if (stop.aborted) return
      throw new GaveUp(`cannot read ${nameOf(file)} any further than line ${splitter.line}: ${errorText(error)}`, { cause: error })
    }
  }

  async *#deliver(
    messages: readonly Message[],
    next: number,
    tracker: OffsetTracker,
    stop: AbortSignal,
  ): AsyncGenerator<Delivery, undefined> {
    for (let start = 0; start < messages.length; start += DELIVERY_MESSAGES) {
      await this.#room(stop)
      if (stop.aborted) return
      const part = messages.slice(start, start + DELIVERY_MESSAGES)
      const bytes = part.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
      const run = new Run(part, (part.at(-1)?.offset ?? Number.NaN) + 1, steadyNowMs())
      tracker.committed = tracker.ready
      tracker.add(run)
      this.#assignment.handOver(tracker, run, bytes)
      yield { messages: part, ack: this.#assignment.ackOf(tracker, run, bytes) }
    }
    tracker.skip(next)
    this.#current = { file: tracker.topic, line: next }
  }

  async #room(stop: AbortSignal): Promise<void> {
    const { maxInFlight, maxInFlightBytes } = this.#options
    while (!stop.aborted && (this.inFlight >= maxInFlight || this.#assignment.inFlightBytes >= maxInFlightBytes)) {
      await this.#settled.wait(WAIT_MS)
    }
  }

  async #identify(file: string): Promise<void> {
    const tracker = this.#assignment.tracker(file, 0)
    if (tracker === undefined) return
    tracker.origin = ['file']
    tracker.topicId = await identityOf(file)
  }

  async #checkFiles(): Promise<number | undefined> {
    let total: number | undefined = 0
    for (const file of this.#files) {
      try {
        const size = await sizeOf(file)
        await this.#identify(file)
        total = size === undefined || total === undefined ? undefined : total + size
      } catch (error) {
        throw new GaveUp(`cannot read ${nameOf(file)}: ${errorText(error)}`, { cause: error })
      }
    }
    return total
  }

  #firstLine(file: string): number {
    const { from } = this.#options
    return from?.file === file ? from.line : 1
  }
}

const nameOf = (file: string) => (file === STDIN ? 'standard input' : file)
