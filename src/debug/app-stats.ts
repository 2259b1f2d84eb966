import { Rates } from './rates.ts'
import type { OutputSource, StatsSources } from './sources.ts'

const COUNTERS = ['consume', 'enrich', 'enrichfail', 'writeasync', 'write', 'cffail'] as const
type Counter = (typeof COUNTERS)[number]

/** What Go's encoding/json makes of a time.Time that was never set. */
const GO_ZERO_TIME = '0001-01-01T00:00:00Z'

/** The object of `/stats/app` of the Go original: its keys, in its order, with its meaning. */
export class AppStats {
  readonly #sources: StatsSources
  readonly #rates: Rates<Counter>

  constructor(sources: StatsSources) {
    this.#sources = sources
    this.#rates = new Rates(COUNTERS, () => this.#counts(), Date.now())
  }

  /** To be called about once a second. */
  sample(nowMs: number): void {
    this.#rates.sample(nowMs)
  }

  figures() {
    const { inputs, enricher, outputs, translator, instanceIndex } = this.#sources
    const { output, lane } = first(outputs)
    const counts = this.#counts()
    const rates = this.#rates.perSecond
    return {
      consume: counts.consume,
      consume_per_sec: rates.consume,
      enrich: counts.enrich,
      enrich_per_sec: rates.enrich,
      enrichfail: counts.enrichfail,
      enrichfail_per_sec: rates.enrichfail,
      writeasync: counts.writeasync,
      writeasync_per_sec: rates.writeasync,
      write: counts.write,
      write_per_sec: rates.write,
      cffail: counts.cffail,
      cffail_per_sec: rates.cffail,
      last_consume_time: goTime(Math.max(0, ...inputs.map(({ ledger }) => ledger.lastConsumedMs))),
      last_enrich_time: goTime(translator.enriched.lastMs),
      last_enrich_fail_time: goTime(translator.enrichFailed.lastMs),
      last_writeasync_time: goTime(lane.batched.lastMs),
      last_write_time: goTime(output.lastWriteMs),
      last_cffail_time: goTime(enricher.lastFailureMs),
      instance_index: instanceIndex,
    }
  }

  #counts(): Record<Counter, number> {
    const { inputs, enricher, outputs, translator } = this.#sources
    const { output, lane } = first(outputs)
    return {
      consume: inputs.reduce((sum, { ledger }) => sum + ledger.consumed, 0),
      enrich: translator.enriched.count,
      enrichfail: translator.enrichFailed.count,
      writeasync: lane.batched.count,
      write: output.records,
      cffail: enricher.failures,
    }
  }
}

/** The one that the Go original has: InfluxDB where it is among them. */
export function first(outputs: readonly OutputSource[]): OutputSource {
  return (outputs.find(({ name }) => name === 'influxdb') ?? outputs[0]) as OutputSource
}

function goTime(ms: number): string {
  return ms === 0 ? GO_ZERO_TIME : new Date(ms).toISOString()
}
