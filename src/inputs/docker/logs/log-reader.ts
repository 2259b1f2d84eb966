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
}

/** What the engine says within a log instead of going on: never a line of the container. */
export interface EngineWord {
  readonly problem: string
}

const EXCERPT_BYTES = 300

/**
 * The lines of one container's log, as `timestamps=1` answers it, in the order in which they end. Throws {@link DamagedStream} where
 * bytes mean nothing; a stream that just breaks ends, and what it broke in the middle of comes again when it is read again.
 */
export async function* logLines(chunks: AsyncIterable<Buffer>, options: LogReaderOptions): AsyncGenerator<LogLine | EngineWord, undefined> {
  if (options.isTerminal) yield* terminalLines(chunks, options.maxBytes)
  else yield* framedLines(chunks, options)
}

async function* terminalLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<LogLine, undefined> {
  const reader = new TerminalReader(maxBytes)
  for await (const chunk of chunks) yield* reader.push(chunk)
  yield* reader.end()
}

async function* framedLines(chunks: AsyncIterable<Buffer>, options: LogReaderOptions): AsyncGenerator<LogLine | EngineWord, undefined> {
  const reader = new FrameReader()
  const joiners = {
    stdout: new LineJoiner({ ...options, stream: 'stdout' }),
    stderr: new LineJoiner({ ...options, stream: 'stderr' }),
  }
  for await (const chunk of chunks) {
    for (const { stream, bytes } of reader.push(chunk)) {
      if (stream === 'engine') {
        yield { problem: bytes.toString('utf8', 0, EXCERPT_BYTES).trim() }
        continue
      }
      const lines = joiners[stream].push(bytes)
      if (lines === undefined) throw new DamagedStream('found a record without a time, expected one with timestamps=1')
      yield* lines
    }
  }
  // A frame that was cut: its line has not ended, and a part of it must not pass for the whole.
  if (reader.unfinished > 0) return
  yield* joiners.stdout.end()
  yield* joiners.stderr.end()
}
