import { DamagedStream, FrameReader } from './frame-reader.ts'
import { LineJoiner, type LogLine } from './line-joiner.ts'
import { TerminalReader } from './terminal-reader.ts'

export interface LogReaderOptions {
  /** Raw, since the container has a terminal. */
  readonly isTerminal: boolean
  /** Bytes of a line that are kept. */
  readonly maxBytes: number
  /** See {@link LineJoiner}. */
  readonly partsShareTime: boolean
  /** Bytes of the parts that the engine cuts long lines into, in ascending order: only a terminal's log needs them. */
  readonly partBytes?: readonly number[]
}

/** What the engine says within a log instead of going on: never a line of the container. */
interface EngineWord {
  readonly problem: string
}

/** A line, as far as it is known before its end has come. */
export type OpenLine = Pick<LogLine, 'stream' | 'timeNs'>

export interface LogReader {
  /** So many records have come: a line that the engine has cut is several. */
  readonly records: number
  /** Lines that have begun, and not ended. */
  readonly open: readonly OpenLine[]
  /**
   * What ends in this chunk: lines of one container's log, in the order in which they end, as `timestamps=1` answers it. Throws {@link DamagedStream} where bytes
   * mean nothing; what was whole before it is lost with the call, and comes again when the log is read again.
   */
  push(chunk: Buffer): readonly (LogLine | EngineWord)[]
  /** What has no end where the container's log ends. Nothing where the stream broke within a frame: its line comes whole when it is read again. */
  end(): readonly LogLine[]
}

/** Bytes of a character of UTF-8 that stand before or behind a cut. The driver `json-file` writes U+FFFD for each, which has two bytes more. */
const MOST_SPLIT = 6
/** Docker's log drivers get 16 KiB at a time, the driver `local` a million bytes. */
const DOCKER_PART_BYTES = [...Array.from({ length: MOST_SPLIT + 1 }, (_, split) => 16 * 1024 + 2 * split), 1_000_000]

const EXCERPT_BYTES = 300

export function logReader(options: LogReaderOptions): LogReader {
  return options.isTerminal ? new TerminalReader(options.maxBytes, options.partBytes ?? DOCKER_PART_BYTES) : new FramedReader(options)
}

class FramedReader implements LogReader {
  records = 0
  readonly #frames = new FrameReader()
  readonly #joiners: Readonly<Record<LogLine['stream'], LineJoiner>>

  constructor(options: LogReaderOptions) {
    this.#joiners = {
      stdout: new LineJoiner({ ...options, stream: 'stdout' }),
      stderr: new LineJoiner({ ...options, stream: 'stderr' }),
    }
  }

  push(chunk: Buffer): readonly (LogLine | EngineWord)[] {
    const found: (LogLine | EngineWord)[] = []
    for (const { stream, bytes } of this.#frames.push(chunk)) {
      if (stream === 'engine') {
        found.push({ problem: bytes.toString('utf8', 0, EXCERPT_BYTES).trim() })
        continue
      }
      this.records++
      const lines = this.#joiners[stream].push(bytes)
      if (lines === undefined) throw new DamagedStream('found a record without a time, expected one with timestamps=1')
      for (const line of lines) found.push(line)
    }
    return found
  }

  get open(): readonly OpenLine[] {
    return [this.#joiners.stdout, this.#joiners.stderr].flatMap(({ open }) => (open === undefined ? [] : [open]))
  }

  end(): readonly LogLine[] {
    if (this.#frames.unfinished > 0) return []
    return [...this.#joiners.stdout.end(), ...this.#joiners.stderr.end()]
  }
}
