import type { Logger } from 'pino'
import { type LimitedLog, limitedLog } from '../../../lib/limited-log.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'

/**
 * So long Kafka hands out nothing, though there is something and there is room for it. A leader that hangs is given up and
 * another one asked well within that.
 */
const STUCK_MS = 40_000
/** An answer has come by then, also of a partition that Kafka refuses to hand out, which is asked for every few seconds. */
const ASK_MS = 5000
/** From so many times as far back each time. */
const BACK_FACTOR = 8

interface Behind {
  readonly position: number
  /** Since when, and when it was asked for from farther back, as of `steadyNowMs()`; minus infinity is never. */
  readonly sinceMs: number
  askedMs: number
  back: number
}

/** Where a partition stands, the oldest that Kafka has, and the end of what may be read. */
export interface Standing {
  readonly position: number
  readonly low: number
  readonly high: number
}

/**
 * Partitions of which nothing comes, though there is more: where the header of a batch is damaged on its disk, Kafka finds no way
 * past it, and answers with nothing or an error to whoever asks for what is behind. Asked for something before, it hands out
 * all of it together, and our own reading finds the way. So it is asked for from farther and farther back; what has been read
 * already is dropped.
 */
export class StuckPartitions {
  readonly #log: LimitedLog
  /** Partitions that had more when they were last looked at, stuck or not. */
  readonly #behind = new Map<string, Behind>()

  constructor(log: Logger) {
    this.#log = limitedLog(log)
  }

  /** A sentence for each. */
  notReady(): readonly string[] {
    return [...this.#behind]
      .filter(([, { askedMs }]) => askedMs > Number.NEGATIVE_INFINITY)
      .map(([partition, { position }]) => `kafka: nothing comes of ${partition} from offset ${position} on, though there is more`)
  }

  /** The others are somebody else's now. */
  keepOnly(isOurs: (partition: string) => boolean): void {
    for (const partition of this.#behind.keys()) if (!isOurs(partition)) this.#behind.delete(partition)
  }

  /** Something comes, or it is known why nothing does. */
  forget({ topic, partition }: OffsetTracker): void {
    this.#behind.delete(`${topic}/${partition}`)
  }

  /** Returns whether the partition is stuck. `seek` is where kafkajs is to ask next. */
  judge(tracker: OffsetTracker, { position, low, high }: Standing, seek: (offset: number) => void): boolean {
    if (position < low || position >= high) {
      this.forget(tracker)
      return false
    }
    const { topic, partition } = tracker
    const key = `${topic}/${partition}`
    const nowMs = steadyNowMs()
    const before = this.#behind.get(key)
    const behind = before?.position === position ? before : { position, sinceMs: nowMs, askedMs: Number.NEGATIVE_INFINITY, back: 1 }
    this.#behind.set(key, behind)
    if (nowMs - behind.sinceMs < STUCK_MS) return false
    if (nowMs - behind.askedMs < ASK_MS) return true
    behind.askedMs = nowMs
    const from = Math.max(low, position - behind.back)
    behind.back = from === low ? 1 : behind.back * BACK_FACTOR
    this.#log.error(
      `stuck ${key}`,
      { topic, partition, offset: position, end: high, from },
      'Kafka hands out nothing of a partition, though there is more: what it has there may be damaged. It is asked for from before that, the others are read',
    )
    seek(from)
    return true
  }
}
