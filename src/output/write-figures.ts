import type { OutputStats } from '../types.ts'

const TIMES_KEPT = 1000

/** What every output counts of itself. */
export class WriteFigures implements Omit<OutputStats, 'notReady'> {
  batches = 0
  points = 0
  bytes = 0
  retries = 0
  failures = 0
  inFlight = 0
  lastError: string | undefined
  lastWriteMs = 0
  readonly #seconds: number[] = []
  #oldest = 0

  /** By the nearest rank; all 0 as long as there was no write. */
  writeSeconds(): { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number } {
    const sorted = this.#seconds.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
  }

  /** A write has ended well. */
  protected countStored(points: number, bytes: number, seconds: number): void {
    this.points += points
    this.bytes += bytes
    this.lastWriteMs = Date.now()
    if (this.#seconds.length < TIMES_KEPT) {
      this.#seconds.push(seconds)
      return
    }
    this.#seconds[this.#oldest] = seconds
    this.#oldest = (this.#oldest + 1) % TIMES_KEPT
  }
}
