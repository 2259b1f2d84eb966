import type { Writable } from 'node:stream'
import type { Output, OutputStats, Records, RefusedRecord } from '../../flow/contracts.ts'
import { GaveUp } from '../../lib/errors.ts'
import { WriteFigures } from '../write-figures.ts'

/**
 * Line protocol to a stream. The pace of its reader is back-pressure: a pipe is written asynchronously, so nothing else stops.
 * A reader that is gone ends the program, since nobody would get the lines.
 */
export class StdoutOutput extends WriteFigures implements Output, OutputStats {
  readonly #stream: Writable

  constructor(stream: Writable = process.stdout) {
    super()
    this.#stream = stream
    // Reported by the write that meets it.
    stream.on('error', () => {})
  }

  notReady(): readonly string[] {
    return this.lastError === undefined ? [] : [`stdout: ${this.lastError}`]
  }

  async start(): Promise<void> {}

  /** Resolves once the operating system has taken the lines. */
  async write(lines: Records, signal: AbortSignal): Promise<readonly RefusedRecord[]> {
    signal.throwIfAborted()
    const { bytes, count } = lines
    const startMs = performance.now()
    this.inFlight++
    try {
      await written(this.#stream, bytes, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.failures++
      this.lastError = (error as Error).message
      throw new GaveUp(
        `stdout takes no more lines: ${this.lastError}. Nothing is lost: what was not written is read again at the next start`,
        {
          cause: error,
        },
      )
    } finally {
      this.inFlight--
    }
    this.batches++
    this.countStored(count, bytes.length, (performance.now() - startMs) / 1000)
    return []
  }

  async close(): Promise<void> {}
}

function written(stream: Writable, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    stream.write(bytes, (error) => {
      signal.removeEventListener('abort', abort)
      if (error) reject(error)
      else resolve()
    })
  })
}
