import { decimal } from './decimal.ts'
import { samplesOf } from './samples.ts'

const NS_PER_SECOND = 1_000_000_000n
/** So many are kept. What is forgotten and comes again begins at nothing, and replaces what Graphite has. */
const MOST_SUMS = 200_000

/** Of one path in one interval. */
interface Sum {
  readonly path: string
  /** When the interval began, in seconds since 1970. */
  readonly second: string
  value: string
  /** Of gauges: when the value was measured, in ns. */
  time: bigint
}

/**
 * Adds up samples by the interval that their events fall into, for Graphite, where a later value of a path and a time replaces the
 * one before. So sums are kept, and each time all of a sum is said, however many batches it came in.
 */
export class IntervalSums {
  readonly #intervalSeconds: bigint
  readonly #sums = new Map<string, Sum>()
  readonly #most: number

  constructor(intervalMs: number, most = MOST_SUMS) {
    this.#intervalSeconds = BigInt(Math.max(1, Math.round(intervalMs / 1000)))
    this.#most = most
  }

  /** Adds the samples of a batch. Returns Graphite's plaintext lines, `PATH VALUE SECONDS`, of all sums that are others now. */
  add(samples: string): string[] {
    const touched = new Set<Sum>()
    for (const { type, time, value, name } of samplesOf(samples)) {
      const at = BigInt(time)
      const second = String((at / NS_PER_SECOND / this.#intervalSeconds) * this.#intervalSeconds)
      const put = (path: string, change: (before: string | undefined, measured: bigint) => string) => {
        touched.add(this.#change(path, second, at, change))
      }
      if (type === 'c') put(name, (before = '0') => String(BigInt(before) + BigInt(value)))
      else if (type === 'ms') {
        put(`${name}.sum`, (before = '0') => String(Number(before) + Number(value)))
        put(`${name}.max`, (before) => (before === undefined || Number(value) > Number(before) ? value : before))
      } else put(name, (before, measured) => (before === undefined || at >= measured ? value : before))
    }
    for (const key of this.#sums.keys()) {
      if (this.#sums.size <= this.#most) break
      this.#sums.delete(key)
    }
    return [...touched].map(({ path, value, second }) => `${path} ${decimal(value)} ${second}`)
  }

  #change(path: string, second: string, at: bigint, change: (before: string | undefined, measured: bigint) => string): Sum {
    const key = `${path} ${second}`
    const known = this.#sums.get(key)
    const sum = known ?? { path, second, value: '', time: at }
    sum.value = change(known?.value, sum.time)
    if (at > sum.time) sum.time = at
    if (known === undefined) this.#sums.set(key, sum)
    return sum
  }
}
