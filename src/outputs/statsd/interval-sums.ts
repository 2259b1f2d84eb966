import { decimal } from './decimal.ts'
import { COUNT, type Group, SampleGroups, SampleReader, TIME, totalOf } from './samples.ts'

/** So many are kept. What is forgotten and comes again begins at nothing, and replaces what Graphite has. */
const MOST_SUMS = 200_000

/** Of one path in one interval. */
interface Sum {
  readonly path: string
  /** When the interval began, in seconds since 1970. */
  readonly second: number
  value: string
  /** Of gauges: when the value was measured, in ns. */
  time: bigint
  /** Since it became the latest of all. */
  hasGrown: boolean
}

/**
 * Adds up samples by the interval that their events fall into, for Graphite, where a later value of a path and a time replaces the
 * one before. So sums are kept, and each time all of a sum is said, however many batches it came in. Those that have not grown for
 * long are forgotten first.
 */
export class IntervalSums {
  /** Sums that began, though others of their interval had been forgotten, and they perhaps with them: then Graphite has too little. */
  restarted = 0
  readonly #intervalSeconds: number
  readonly #sums = new Map<string, Sum>()
  readonly #most: number
  /** The latest interval of which a sum was forgotten. */
  #forgottenSecond = -1

  constructor(intervalMs: number, most = MOST_SUMS) {
    this.#intervalSeconds = Math.max(1, Math.round(intervalMs / 1000))
    this.#most = most
  }

  /** Adds the samples of a batch. Returns Graphite's plaintext lines, `PATH VALUE SECONDS`, of all sums that are others now. */
  add(bytes: Buffer): string[] {
    const groups = new SampleGroups()
    const sample = new SampleReader(bytes)
    while (sample.next()) groups.add(sample, Math.floor(sample.seconds / this.#intervalSeconds) * this.#intervalSeconds)
    const lines = groups.all.flatMap((group) => this.#grow(group, bytes)).map(lineOf)
    this.#forget()
    return lines
  }

  /** The oldest go first; what has grown since it was the oldest is spared once. */
  #forget(): void {
    for (const [key, sum] of this.#sums) {
      if (this.#sums.size <= this.#most) return
      this.#sums.delete(key)
      if (sum.hasGrown) this.#sums.set(key, sum)
      else this.#forgottenSecond = Math.max(this.#forgottenSecond, sum.second)
      sum.hasGrown = false
    }
  }

  #grow(group: Group, bytes: Buffer): readonly Sum[] {
    const path = bytes.toString('latin1', group.name, group.nameEnd)
    if (group.type === TIME) {
      const sum = this.#touched(`${path}.sum`, group.interval)
      const max = this.#touched(`${path}.max`, group.interval)
      sum.value = String(Number(sum.value) + group.sum)
      max.value = String(max.value === '' ? group.max : Math.max(Number(max.value), group.max))
      return [sum, max]
    }
    const sum = this.#touched(path, group.interval)
    if (group.type === COUNT) sum.value = String(BigInt(sum.value) + totalOf(group))
    else {
      const time = BigInt(bytes.toString('latin1', group.time, group.timeEnd))
      if (sum.value === '' || time >= sum.time) {
        sum.value = bytes.toString('latin1', group.value, group.valueEnd)
        sum.time = time
      }
    }
    return [sum]
  }

  /** Its value is '' where it is new. */
  #touched(path: string, second: number): Sum {
    const key = `${path} ${second}`
    const known = this.#sums.get(key)
    if (known !== undefined) {
      known.hasGrown = true
      return known
    }
    if (second <= this.#forgottenSecond) this.restarted++
    const sum = { path, second, value: '', time: 0n, hasGrown: false }
    this.#sums.set(key, sum)
    return sum
  }
}

function lineOf({ path, value, second }: Sum): string {
  return `${path} ${decimal(value)} ${second}`
}
