import { DamagedStream } from './frame-reader.ts'
import { LineJoiner, type LogLine } from './line-joiner.ts'
import { prefixOf } from './timestamp.ts'

const LINE_FEED = 10
/** No time and space are longer. */
const LONGEST_PREFIX = 40

/**
 * Lines of a container with a terminal: raw text, each line with its time before it and CR LF behind it. A line that the engine has cut into parts has
 * its time again before each of them. A part is always as long as the engine's buffer, so that what looks like the time anywhere else is text.
 */
export class TerminalReader {
  readonly #joiner: LineJoiner
  readonly #partBytes: readonly number[]
  #rest: Buffer = Buffer.alloc(0)
  /** The time and space before the line that is open. */
  #prefix: Buffer | undefined
  #timeNs = 0n
  /** Bytes of the part that is open. */
  #part = 0
  records = 0
  /** Which of `#partBytes` the part that is open may have. */
  #size = 0

  constructor(maxBytes: number, partBytes: readonly number[]) {
    this.#joiner = new LineJoiner({ stream: 'stdout', maxBytes, partsShareTime: true })
    this.#partBytes = partBytes
  }

  push(chunk: Buffer): readonly LogLine[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const lines: LogLine[] = []
    let at = 0
    for (;;) {
      if (this.#prefix === undefined) {
        const length = this.#begin(bytes.subarray(at))
        if (length === 0) break
        at += length
      }
      at = this.#takeText(bytes, at)
      if (bytes[at] !== LINE_FEED) break
      at++
      this.#prefix = undefined
      lines.push(...this.#joiner.end({ dropsCarriageReturn: true }))
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at))
    return lines
  }

  get open(): readonly Pick<LogLine, 'stream' | 'timeNs'>[] {
    return this.#prefix === undefined ? [] : [{ stream: 'stdout', timeNs: this.#timeNs }]
  }

  end(): readonly LogLine[] {
    if (this.#prefix === undefined) return []
    this.#joiner.add(this.#rest)
    this.#rest = Buffer.alloc(0)
    this.#prefix = undefined
    return this.#joiner.end({ dropsCarriageReturn: true })
  }

  /** Takes the time before a line, and returns how long it is: 0 where it is not there yet. */
  #begin(bytes: Buffer): number {
    const prefix = prefixOf(bytes)
    if (prefix === undefined) {
      if (bytes.length >= LONGEST_PREFIX) throw new DamagedStream('found a line without a time, expected one with timestamps=1')
      return 0
    }
    this.#prefix = Buffer.from(bytes.subarray(0, prefix.length))
    this.#timeNs = prefix.timeNs
    this.#joiner.add(Buffer.alloc(0), prefix.timeNs)
    this.#beginPart()
    return prefix.length
  }

  #beginPart(): void {
    this.records++
    this.#part = 0
    this.#size = 0
  }

  /** Takes the open line's text from `at` on, and returns where that ends: at its line feed, at what may be a cut and is not whole yet, or where `bytes` end. */
  #takeText(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LINE_FEED, at)
    const end = lineEnd < 0 ? bytes.length : lineEnd
    for (let from = at; ; ) {
      const partEnd = from + (this.#partBytes[this.#size] ?? Number.POSITIVE_INFINITY) - this.#part
      const to = Math.min(end, partEnd)
      this.#joiner.add(bytes.subarray(from, to), this.#timeNs)
      this.#part += to - from
      from = to
      if (to < partEnd) return to
      const prefix = this.#prefix as Buffer
      const next = bytes.subarray(to, to + prefix.length)
      if (next.equals(prefix)) {
        this.#beginPart()
        return this.#takeText(bytes, to + prefix.length)
      }
      if (next.length < prefix.length && prefix.subarray(0, next.length).equals(next)) return to
      this.#size++
    }
  }
}
