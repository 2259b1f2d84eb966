const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const COLON = 58
const SPACE = 32

/** 100 of the longest log lines in base64 are 8.2 MB. */
const MAX_EVENT_BYTES = 14 * 1024 * 1024

/** What a stream of server-sent events tells, event by event. */
export interface EventSink {
  /** An event without a name, which holds a batch. A view: it may be kept. */
  data(bytes: Buffer): void
  /** `heartbeat`, `closing` or whatever name it has. */
  named(name: string): void
  /** An event was longer than memory is meant for, and left out. */
  tooLong(bytes: number): void
}

/**
 * Reads `text/event-stream` (WHATWG HTML, 9.2) byte by byte as it comes: nothing of the data is decoded, and an event is handed over when its
 * empty line has come. Old gateways send heartbeats as a field of their own. Ids and retry times, which no gateway sends, are passed over.
 */
export class EventReader {
  readonly #sink: EventSink
  readonly #maxBytes: number
  /** Of the line that has not ended. */
  #pieces: Buffer[] = []
  #lineBytes = 0
  /** Of the event that has not ended. */
  #data: Buffer[] = []
  #dataBytes = 0
  #name = ''
  /** Of the event, whether any of it was left out. */
  #isTooLong = false
  #isLast = false

  constructor(sink: EventSink, maxBytes = MAX_EVENT_BYTES) {
    this.#sink = sink
    this.#maxBytes = maxBytes
  }

  /** Bytes of an event that has begun and not ended: at the end of the stream, what was cut off. */
  get unfinishedBytes(): number {
    return this.#lineBytes + this.#dataBytes
  }

  /** The event that has begun is the last one that is read. */
  endAfterEvent(): void {
    this.#isLast = true
  }

  /** Nothing is read any more. */
  get isAtEnd(): boolean {
    return this.#isLast && this.unfinishedBytes === 0
  }

  push(chunk: Buffer): void {
    let start = 0
    if (this.isAtEnd) return
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#keep(chunk, start, end)
      this.#endLine()
      if (this.isAtEnd) return
      start = end + 1
    }
    if (start < chunk.length) this.#keep(chunk, start, chunk.length)
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    if (end === start) return
    this.#lineBytes += end - start
    if (this.#lineBytes + this.#dataBytes > this.#maxBytes) {
      this.#isTooLong = true
      this.#data = []
      this.#pieces = []
    }
    // Of what is too long only a line that may be empty is of interest.
    if (!this.#isTooLong || this.#lineBytes === 1) this.#pieces.push(chunk.subarray(start, end))
  }

  #endLine(): void {
    const pieces = this.#pieces
    const bytes = this.#lineBytes
    this.#pieces = []
    this.#lineBytes = 0
    if (this.#isTooLong && bytes > 1) {
      this.#dataBytes += bytes
      return
    }
    const whole = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, bytes)
    const line = whole[whole.length - 1] === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    if (line.length === 0) this.#endEvent()
    else if (!this.#isTooLong) this.#field(line)
  }

  #field(line: Buffer): void {
    const colon = line.indexOf(COLON)
    if (colon === 0) return
    const name = line.toString('latin1', 0, colon < 0 ? line.length : colon)
    const valueAt = colon < 0 ? line.length : colon + (line[colon + 1] === SPACE ? 2 : 1)
    const value = line.subarray(valueAt)
    if (name === 'data') {
      this.#data.push(value)
      this.#dataBytes += line.length
    } else if (name === 'event') this.#name = value.toString()
    else if (name === 'heartbeat') this.#sink.named(name)
  }

  #endEvent(): void {
    const [data, name, isTooLong, bytes] = [this.#data, this.#name, this.#isTooLong, this.#dataBytes]
    this.#data = []
    this.#dataBytes = 0
    this.#name = ''
    this.#isTooLong = false
    if (isTooLong) this.#sink.tooLong(bytes)
    else if (name !== '' && name !== 'message') this.#sink.named(name)
    else if (data.length > 0) this.#sink.data(data.length === 1 ? (data[0] as Buffer) : joined(data))
  }
}

const NEWLINE = Buffer.from('\n')

function joined(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line, index) => (index === 0 ? [line] : [NEWLINE, line])))
}
