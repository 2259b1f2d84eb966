import type { StatsSnapshot } from './stats.ts'

type Labels = Readonly<Record<string, string | number>>
/** A value, or one for each set of labels. What is undefined or null is not known, and left out. */
export type Values = number | null | undefined | readonly (readonly [Labels, number | null | undefined])[]

/** One of `/metrics`: names that end in `_total` are counters, all others gauges. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  readonly value: (stats: StatsSnapshot) => Values
}
