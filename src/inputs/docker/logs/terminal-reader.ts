import { DamagedStream } from './frame-reader.ts'
import { LineJoiner, type LogLine } from './line-joiner.ts'
import { prefixOf } from './timestamp.ts'

const LINE_FEED = 10
/** No time and space are longer. */
const LONGEST_PREFIX = 40

/**
 * Lines of a container with a terminal: raw text, each line with its time before it and CR LF behind it. A line of more than 16 KiB has
 * its time again in mid-text wherever the engine has cut it: exactly the same bytes, which no text holds by chance.
 */
export class TerminalReader {
  readonly #joiner: LineJoiner
  #rest: Buffer = Buffer.alloc(0)
  /** The time and space before the line that is open. */
  #prefix: Buffer | undefined
  #timeNs = 0n

  constructor(maxBytes: number) {
    this.#joiner = new LineJoiner({ stream: 'stdout', maxBytes, partsShareTime: true })
  }

  /** Bytes of a line that has begun and not ended, and that have not been kept yet. */
  get unfinished(): number {
    return this.#rest.length
  }

  /** The lines that end in this chunk. Throws {@link DamagedStream} where a line does not begin with a time. */
  *push(chunk: Buffer): Generator<LogLine, undefined> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      if (this.#prefix === undefined) {
        const prefix = prefixOf(bytes)
        if (prefix === undefined) {
          if (bytes.length >= LONGEST_PREFIX) throw new DamagedStream(`found a line without a time, expected one with timestamps=1`)
          break
        }
        this.#prefix = Buffer.from(bytes.subarray(0, prefix.length))
        this.#timeNs = prefix.timeNs
        this.#joiner.add(Buffer.alloc(0), prefix.timeNs)
        bytes = bytes.subarray(prefix.length)
      }
      const end = bytes.indexOf(LINE_FEED)
      if (end < 0) {
        // What may be the beginning of the time in mid-text stays, until the rest of it is there.
        const whole = Math.max(0, bytes.length - this.#prefix.length + 1)
        const taken = this.#addText(bytes, whole)
        bytes = bytes.subarray(taken)
        break
      }
      const line = bytes.subarray(0, end)
      this.#joiner.add(line.subarray(this.#addText(line, line.length)), this.#timeNs)
      this.#prefix = undefined
      yield* this.#joiner.end({ dropsCarriageReturn: true })
      bytes = bytes.subarray(end + 1)
    }
    this.#rest = Buffer.from(bytes)
  }

  /** What the stream ended within. */
  end(): readonly LogLine[] {
    if (this.#prefix === undefined) return []
    const taken = this.#addText(this.#rest, this.#rest.length)
    this.#joiner.add(this.#rest.subarray(taken))
    this.#rest = Buffer.alloc(0)
    this.#prefix = undefined
    return this.#joiner.end({ dropsCarriageReturn: true })
  }

  /** Adds text that begins before `until`, without the times in it, and returns how much of `bytes` that was. */
  #addText(bytes: Buffer, until: number): number {
    const prefix = this.#prefix as Buffer
    let at = 0
    for (let found = bytes.indexOf(prefix); found >= 0; found = bytes.indexOf(prefix, at)) {
      this.#joiner.add(bytes.subarray(at, found))
      at = found + prefix.length
    }
    if (until <= at) return at
    this.#joiner.add(bytes.subarray(at, until))
    return until
  }
}
