import type { LogLine } from './line-joiner.ts'

/** So much of a line's text is kept to know it by, with its size. */
const KNOWN_BYTES = 64
/** Clocks that are coarser than a nanosecond count in hundreds of them at least. */
const COARSE_NS = 100n

/**
 * Tells lines that the engine repeats: where it rotates a log that is followed, Docker 20.10 gives the last line of the old file twice, one right behind the other in its stream. They
 * have one time, which no two lines of a stream have by a clock of nanoseconds, and one text. Of a time in hundreds of nanoseconds it cannot be told, and no line is taken for another.
 */
export class RepeatedLine {
  #line: LogLine | undefined
  #timeNs: bigint | undefined
  #sizeBytes = 0
  readonly #start = Buffer.alloc(KNOWN_BYTES)

  /** Whether it is the line before it once more. Called with each line of one stream, in order. */
  isOne(line: LogLine): boolean {
    const isOne =
      line.timeNs === this.#timeNs && line.timeNs % COARSE_NS !== 0n && line.sizeBytes === this.#sizeBytes && this.#hasText(line)
    this.#line = line
    this.#timeNs = line.timeNs
    this.#sizeBytes = line.sizeBytes
    return isOne
  }

  /** No line comes for now: what is kept of the last one is small, however long that is. */
  rest(): void {
    this.#line?.bytes.copy(this.#start, 0, 0, KNOWN_BYTES)
    this.#line = undefined
  }

  #hasText({ bytes }: LogLine): boolean {
    if (this.#line !== undefined) return bytes.equals(this.#line.bytes)
    const length = Math.min(KNOWN_BYTES, bytes.length)
    return bytes.subarray(0, length).equals(this.#start.subarray(0, length))
  }
}
