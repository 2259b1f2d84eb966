import { sleep } from '../../../lib/sleep.ts'
import type { Position } from '../positions/positions-file.ts'
import type { LogReader, OpenLine } from './log-reader.ts'

type Read = ReturnType<LogReader['push']>

export interface WitnessesOptions {
  /** The last line that the log has now. */
  readonly newest: (signal: AbortSignal) => Promise<OpenLine | undefined>
  /** How far it has been read. */
  readonly position: () => Position | undefined
}

/** While a stream is behind, this often. Of each file that is not rotated faster there is one. */
const EVERY_MS = 1000
/** Of a stream that is behind for long every second one is forgotten. */
const MOST = 256

/**
 * Lines that the engine's log has, and that one stream of it has to give. An engine may pass over lines without a word: those behind a part of its file that it cannot
 * read, and whole files where it rotates more often than somebody reads. Then a later line of the same stream (stdout, stderr) comes before one of these.
 */
export class Witnesses {
  readonly #options: WitnessesOptions
  #expected: OpenLine[] = []
  /** Of while lines are handed over. */
  #meanwhile: OpenLine[] = []
  #isHandingOver = false
  #isWatching = false

  constructor(options: WitnessesOptions) {
    this.#options = options
  }

  /** From now on, until `signal` aborts: the stream begins behind, or has fallen behind, since lines wait to be handed over. Resolves when there is the first of them. */
  async watch(signal: AbortSignal): Promise<void> {
    if (this.#isWatching) return
    this.#isWatching = true
    await this.#add(signal)
    void this.#watchOn(signal)
  }

  async #watchOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (this.#isHandingOver || this.#expected.length > 0)) {
      await sleep(EVERY_MS, signal)
      if (!signal.aborted) await this.#add(signal)
    }
    this.#isWatching = false
  }

  /** Lines that {@link before} has looked at are handed over now, however long that takes. */
  async during(handOver: () => Promise<void>): Promise<void> {
    this.#isHandingOver = true
    await handOver()
    this.#isHandingOver = false
    for (const line of this.#meanwhile.splice(0)) this.#expect(line)
  }

  /** How many of these lines, from the first on, come before one that shows that lines are missing: then nothing more is expected. */
  before(read: Read): number {
    for (let at = 0; at < read.length && this.#expected.length > 0; at++) {
      const line = read[at] as Read[number]
      if ('problem' in line) continue
      if (this.#expected.some(({ stream, timeNs }) => stream === line.stream && timeNs < line.timeNs)) {
        this.#expected = []
        return at
      }
      this.#expected = this.#expected.filter(({ stream, timeNs }) => stream !== line.stream || timeNs !== line.timeNs)
    }
    return read.length
  }

  async #add(signal: AbortSignal): Promise<void> {
    const newest = await this.#options.newest(signal).catch(() => undefined)
    if (newest === undefined) return
    if (!this.#isHandingOver) return this.#expect(newest)
    this.#meanwhile.push(newest)
    if (this.#meanwhile.length > MOST) this.#meanwhile = this.#meanwhile.filter((_, index) => index % 2 === 0)
  }

  /** It tells nothing where it was read before. */
  #expect(newest: OpenLine): void {
    const readTo = this.#options.position()?.[newest.stream]
    if (readTo === undefined || newest.timeNs > readTo.timeNs) this.#expected.push(newest)
  }
}
