import type { PartitionStats } from '../../flow/contracts.ts'
import type { OffsetTracker } from '../offsets/offset-tracker.ts'

/** A partition as /stats shows it. Where nothing is committed yet, the lag counts from where reading began. */
export function partitionStats(tracker: OffsetTracker, highWatermark: number | undefined, nowMs: number): PartitionStats {
  const { topic, partition, position, committed, startedAt, inFlight, oldestUnsettledMs } = tracker
  const from = committed ?? startedAt
  return {
    topic,
    partition,
    position,
    committed,
    highWatermark,
    lag: highWatermark === undefined || from === undefined ? undefined : Math.max(0, highWatermark - from),
    inFlight,
    oldestUnackedSeconds: oldestUnsettledMs === undefined ? undefined : (nowMs - oldestUnsettledMs) / 1000,
  }
}
