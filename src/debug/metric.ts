import type { MetricValues } from '../flow/contracts.ts'
import type { StatsSnapshot } from './stats.ts'

/** One of `/metrics`: names that end in `_total` are counters, all others gauges. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  readonly value: (stats: StatsSnapshot) => MetricValues
}
