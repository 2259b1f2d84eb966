import type { OutputStats } from '../flow/contracts.ts'

const TIMES_KEPT = 1000
/** Older ones would tell of an outage long after it. */
const KEPT_MS = 5 * 60_000

interface WriteTime {
  readonly seconds: number
  /** Of the monotonic clock. */
  readonly endedMs: number
}

/** What every output counts of itself. */
export class WriteFigures implements Omit<OutputStats, 'notReady'> {
  batches = 0
  records = 0
  repeated = 0
  bytes = 0
  retries = 0
  failures = 0
  inFlight = 0
  lastError: string | undefined
  lastWriteMs = 0
  readonly #times: WriteTime[] = []
  /** Where the next one goes. */
  #next = 0

  /** Of the writes that ended well within the last 5 minutes, the latest 1,000 at most, by the nearest rank; all 0 without any. */
  writeSeconds(): { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number } {
    const sinceMs = performance.now() - KEPT_MS
    const sorted = this.#times
      .filter(({ endedMs }) => endedMs >= sinceMs)
      .map(({ seconds }) => seconds)
      .sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
  }

  /** A write has ended well. */
  protected countStored(records: number, bytes: number, seconds: number): void {
    this.records += records
    this.bytes += bytes
    this.lastWriteMs = Date.now()
    this.#times[this.#next] = { seconds, endedMs: performance.now() }
    this.#next = (this.#next + 1) % TIMES_KEPT
  }
}
