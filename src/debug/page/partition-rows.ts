import type { StatsSnapshot } from '../stats.ts'

export type Partition = StatsSnapshot['kafka']['partitions'][number]

export interface PartitionRows {
  readonly shown: readonly Partition[]
  /** Of all that fit the filter, shown or not. */
  readonly matching: { readonly count: number; readonly lag: number; readonly inFlight: number; readonly oldestSeconds: number }
  /** For bars: the most of any partition there is. */
  readonly maxLag: number
}

/** As many rows are still read by a person. */
export const MAX_ROWS = 20

/**
 * The partitions worth looking at. A few: in their order, so that rows stay where they are. Many: those most behind.
 * `filter` is any part of `topic/partition`, in any case; several words must all fit.
 */
export function partitionRows(partitions: readonly Partition[], filter: string): PartitionRows {
  const words = filter.toLowerCase().split(/\s+/)
  const matching = partitions.filter((partition) => words.every((word) => nameOf(partition).toLowerCase().includes(word)))
  const sorted = matching.toSorted(matching.length > MAX_ROWS ? byLag : byName)
  return {
    shown: sorted.slice(0, MAX_ROWS),
    matching: {
      count: matching.length,
      lag: sum(matching, ({ lag }) => lag ?? 0),
      inFlight: sum(matching, ({ in_flight }) => in_flight),
      oldestSeconds: Math.max(0, ...matching.map(({ oldest_unacked_seconds }) => oldest_unacked_seconds)),
    },
    maxLag: Math.max(0, ...partitions.map(({ lag }) => lag ?? 0)),
  }
}

export const nameOf = ({ topic, partition }: Pick<Partition, 'topic' | 'partition'>) => `${topic}/${partition}`

const sum = <Row>(rows: readonly Row[], value: (row: Row) => number) => rows.reduce((total, row) => total + value(row), 0)

const byName = (a: Partition, b: Partition) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)

const byLag = (a: Partition, b: Partition) =>
  (b.lag ?? -1) - (a.lag ?? -1) || b.oldest_unacked_seconds - a.oldest_unacked_seconds || byName(a, b)
