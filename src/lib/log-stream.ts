import type { Writable } from 'node:stream'

/** What waits for a reader at most, in bytes. A line that does not fit is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024

/**
 * Where log lines go: a stream that never makes the event loop wait. A pipe that nobody reads takes 64 KB; a worker that waited
 * for room there would answer no health check and send no heartbeat to its group.
 */
export class LogStream {
  readonly #stream: Writable
  readonly #maxWaitingBytes: number
  #dropped = 0
  /** Told once there is room again, before the next line: how many lines were dropped. */
  onRoom: (dropped: number) => void = () => {}

  constructor(stream: Writable, maxWaitingBytes = MAX_WAITING_BYTES) {
    this.#stream = stream
    this.#maxWaitingBytes = maxWaitingBytes
    // A reader that has gone away is like one that reads nothing.
    stream.on('error', () => {})
    stream.on('drain', () => this.#tellDropped())
  }

  write(line: string): void {
    if (this.#stream.writableLength + line.length > this.#maxWaitingBytes) {
      this.#dropped++
      return
    }
    this.#tellDropped()
    this.#stream.write(line)
  }

  /** Whether all that was written has been taken by the operating system. */
  get isEmpty(): boolean {
    return this.#stream.writableLength === 0 || this.#stream.destroyed
  }

  /** Calls back once all that was written so far is out, or can never be. */
  flush(callback: (error?: Error) => void): void {
    if (this.isEmpty) callback()
    else this.#stream.write('', () => callback())
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return
    const dropped = this.#dropped
    this.#dropped = 0
    this.onRoom(dropped)
  }
}
