import { prefixOf } from './timestamp.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
/** Kept beyond the limit, so that whoever cuts at a character sees that there is more: the longest character. */
const MORE_BYTES = 4

/** A line as the container wrote it, without its end. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr'
  /** When it was written, or its first part, by the engine's clock. */
  readonly timeNs: bigint
  /** A little more than the limit at most. */
  readonly bytes: Buffer
  /** Of the whole line. */
  readonly sizeBytes: number
}

export interface LineJoinerOptions {
  readonly stream: LogLine['stream']
  /** Bytes of a line that are kept. */
  readonly maxBytes: number
  /** Whether all parts of a line carry the time of the first: Docker does that, Podman does not. */
  readonly partsShareTime: boolean
}

/** What came of one record: no line yet, one, or two where the one before never got its end. */
export type Joined = readonly LogLine[]

/**
 * Makes lines of the records of one stream. The engine cuts what is longer than 16 KiB into records of which only the last has
 * a line feed, each with a time before it. Bytes are joined before anybody reads characters in them.
 */
export class LineJoiner {
  readonly #options: LineJoinerOptions
  #pieces: Buffer[] = []
  #kept = 0
  #sizeBytes = 0
  #timeNs: bigint | undefined

  constructor(options: LineJoinerOptions) {
    this.#options = options
  }

  /** The line that has begun, and not ended. */
  get open(): Pick<LogLine, 'stream' | 'timeNs'> | undefined {
    return this.#timeNs === undefined ? undefined : { stream: this.#options.stream, timeNs: this.#timeNs }
  }

  /** `record` is what one frame has: a time, a space and text. Undefined where it has no time: it is no record of a log. */
  push(record: Buffer): Joined | undefined {
    const prefix = prefixOf(record)
    if (prefix === undefined) return undefined
    const { timeNs, length } = prefix
    const isOther = this.#timeNs !== undefined && this.#options.partsShareTime && timeNs !== this.#timeNs
    // The last thing that a container writes may have no end; what comes next is of its next run.
    const before = isOther ? this.end() : []
    this.#timeNs ??= timeNs
    const hasEnd = record.at(-1) === LINE_FEED
    this.add(record.subarray(length, hasEnd ? -1 : undefined))
    return hasEnd ? [...before, ...this.end()] : before
  }

  /** Text of the line that is open, of time `timeNs` where none is. */
  add(text: Buffer, timeNs?: bigint): void {
    this.#timeNs ??= timeNs
    this.#sizeBytes += text.length
    const room = this.#options.maxBytes + MORE_BYTES - this.#kept
    if (room <= 0 || text.length === 0) return
    // A copy: a view would keep the whole chunk for as long as the line waits for its end.
    const piece = Buffer.from(text.subarray(0, room))
    this.#pieces.push(piece)
    this.#kept += piece.length
  }

  /** The line that is open, as far as it has come: none where none is. */
  end({ dropsCarriageReturn = false } = {}): readonly LogLine[] {
    const timeNs = this.#timeNs
    if (timeNs === undefined) return []
    const bytes = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces, this.#kept)
    const isCut = this.#sizeBytes > this.#kept
    const hasReturn = dropsCarriageReturn && !isCut && bytes.at(-1) === CARRIAGE_RETURN
    const line = {
      stream: this.#options.stream,
      timeNs,
      bytes: hasReturn ? bytes.subarray(0, -1) : bytes,
      sizeBytes: this.#sizeBytes - (hasReturn ? 1 : 0),
    }
    this.#pieces = []
    this.#kept = 0
    this.#sizeBytes = 0
    this.#timeNs = undefined
    return [line]
  }
}
