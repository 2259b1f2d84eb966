import type { StatsSnapshot } from '../stats.ts'

/** The figures of one answer that are shown over time. Small, since many are kept; partitions are not. */
export type Moment = ReturnType<typeof momentOf>

/** Those that only ever grow while a process lives. */
export type Counter = keyof ReturnType<typeof countersOf>

const KEPT = 600
/** Writes come in batches, up to `CFMR_BATCHER_FLUSHINTERVAL` apart: over a shorter time the rate of a steady flow would jump. */
const RATE_SECONDS = 5
/** Without an answer for longer than that, charts show a hole. */
const HOLE_SECONDS = 15

/** What one instance said since the page was opened. */
export class History {
  readonly moments: Moment[] = []
  #latest: StatsSnapshot | undefined
  #lives = 0
  #restartedMs: number | undefined

  /** `nowMs` by the browser's clock. */
  add(stats: StatsSnapshot, nowMs: number): void {
    const before = this.#latest
    const isAnother = before !== undefined && (stats.runtime.pid !== before.runtime.pid || stats.uptime_seconds < before.uptime_seconds)
    if (isAnother) {
      this.#lives++
      this.#restartedMs = nowMs - stats.uptime_seconds * 1000
    }
    this.#latest = stats
    this.moments.push(momentOf(stats, nowMs, this.#lives))
    if (this.moments.length > KEPT) this.moments.shift()
  }

  get latest(): StatsSnapshot | undefined {
    return this.#latest
  }

  get latestMs(): number {
    return this.moments.at(-1)?.timeMs ?? 0
  }

  /** When the process that answers now took the place of another, as far as this page saw it. */
  get restartedMs(): number | undefined {
    return this.#restartedMs
  }

  /** A second, over the {@link RATE_SECONDS} before moment `index`; undefined where the process is too young to say. */
  perSecond(counter: Counter, index = this.moments.length - 1): number | undefined {
    const [end, start] = [this.moments[index], this.#earlier(RATE_SECONDS, index)]
    if (end === undefined || start === undefined || start === end) return undefined
    return (end[counter] - start[counter]) / (end.uptimeSeconds - start.uptimeSeconds)
  }

  /** How much it grew in the last so many seconds, or since this page or the process was started. */
  growth(counter: Counter, seconds: number): number {
    return this.#growth((moment) => moment[counter], seconds)
  }

  /** The same of the requests to an output that failed. */
  failedWrites(output: string, seconds: number): number {
    return this.#growth((moment) => moment.failedWrites[output] ?? 0, seconds)
  }

  /** Whether it was more at the end of each third of the last minute than at its beginning; false as long as less is known. */
  isLagGrowing(): boolean {
    const last = this.moments.length - 1
    const lags = [60, 40, 20, 0].map((seconds) => this.#earlier(seconds, last))
    const oldest = lags[0]
    const newest = lags[3]
    if (oldest === undefined || newest === undefined || newest.uptimeSeconds - oldest.uptimeSeconds < 55) return false
    return lags.every((moment, i) => i === 0 || (moment?.lag ?? 0) > (lags[i - 1]?.lag ?? 0)) && newest.lag > 2 * newest.lagTolerance
  }

  /** For a chart: time in seconds, then a column a series, with a row of nothing where nothing is known. */
  columns(series: readonly ((moment: Moment, index: number) => number | undefined)[]): [number[], ...(number | null)[][]] {
    const times: number[] = []
    const values = series.map((): (number | null)[] => [])
    this.moments.forEach((moment, index) => {
      const before = this.moments[index - 1]
      if (before !== undefined && (before.life !== moment.life || moment.timeMs - before.timeMs > HOLE_SECONDS * 1000)) {
        times.push((before.timeMs + moment.timeMs) / 2000)
        for (const column of values) column.push(null)
      }
      times.push(moment.timeMs / 1000)
      series.forEach((value, i) => {
        values[i]?.push(value(moment, index) ?? null)
      })
    })
    return [times, ...values]
  }

  #growth(of: (moment: Moment) => number, seconds: number): number {
    const [end, start] = [this.moments.at(-1), this.#earlier(seconds, this.moments.length - 1)]
    return end === undefined || start === undefined ? 0 : of(end) - of(start)
  }

  /** The latest moment at least so many seconds before another, or else the first; of the same process. */
  #earlier(seconds: number, index: number): Moment | undefined {
    const end = this.moments[index]
    if (end === undefined) return undefined
    let found: Moment = end
    for (let i = index; i >= 0; i--) {
      const moment = this.moments[i]
      if (moment === undefined || moment.life !== end.life) break
      found = moment
      if (end.uptimeSeconds - moment.uptimeSeconds >= seconds) break
    }
    return found
  }
}

function momentOf(stats: StatsSnapshot, timeMs: number, life: number) {
  const { ledger, kafka, metadata, runtime } = stats
  const outputs = Object.values(stats.outputs)
  /** Of the output that takes longest; undefined where no write of late has ended well. */
  const slowest = (quantile: 'p50' | 'p99') => Math.max(0, ...outputs.map(({ write_seconds }) => write_seconds[quantile])) || undefined
  return {
    ...countersOf(stats),
    failedWrites: Object.fromEntries(Object.entries(stats.outputs).map(([name, { failures }]) => [name, failures])),
    timeMs,
    life,
    uptimeSeconds: stats.uptime_seconds,
    lag: kafka.lag,
    /** What ten seconds bring: ends are asked for only so often, and meanwhile a lag may be anything up to that. */
    lagTolerance: Math.max(1000, stats.app.consume_per_sec * 10),
    inFlight: ledger.in_flight,
    held: metadata.held,
    p50: slowest('p50'),
    p99: slowest('p99'),
    eventLoop: runtime.event_loop_utilization,
    rss: runtime.memory_rss_bytes,
    heap: runtime.heap_used_bytes,
  }
}

function countersOf({ ledger, kafka, metadata, outputs, runtime, dead_letters }: StatsSnapshot) {
  const { in_flight: _, residue: __, ...fates } = ledger
  return {
    ...fates,
    skipped: kafka.skipped,
    hits: metadata.hits,
    misses: metadata.misses,
    requests: metadata.requests,
    metadataFailures: metadata.failures,
    records: Object.values(outputs).reduce((sum, { records }) => sum + records, 0),
    deadLetters: dead_letters,
    cpuSeconds: runtime.cpu_user_seconds + runtime.cpu_system_seconds,
  }
}
