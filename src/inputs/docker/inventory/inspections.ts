import { backoffMs } from '../../../lib/backoff.ts'
import { sleep } from '../../../lib/sleep.ts'
import type { Container } from './container.ts'

export interface InspectionsOptions {
  readonly inspect: (container: Container, signal: AbortSignal) => Promise<boolean>
  readonly described: (container: Container) => void
  readonly failed: (container: Container, error: unknown) => void
}

/** So many at a time: an engine inspects each under the container's lock. */
const MOST = 8
/** Of these, such that failed before: an engine that hangs at some of its containers must not hold up the others. */
const MOST_AGAIN = 4
const BACKOFF = { initialMs: 250, maxMs: 30_000, jitter: 0.2 }

/** Containers that are to be inspected, each once, in the order in which they came. One that fails is asked for again, until the engine has it no more. */
export class Inspections {
  readonly #options: InspectionsOptions
  readonly #waiting = new Set<Container>()
  /** How often it has failed in a row. */
  readonly #tries = new Map<Container, number>()
  #running = 0
  #runningAgain = 0
  #signal: AbortSignal | undefined

  constructor(options: InspectionsOptions) {
    this.#options = options
  }

  /** Containers that wait to be inspected, and those that are being. */
  get waiting(): number {
    return this.#waiting.size + this.#running
  }

  add(container: Container): void {
    this.#waiting.add(container)
    this.#go()
  }

  /** From now on, until `signal` aborts. What waits then waits for the next call. */
  start(signal: AbortSignal): void {
    this.#signal = signal
    this.#go()
  }

  #go(): void {
    const signal = this.#signal
    if (signal === undefined || signal.aborted) return
    for (const container of this.#waiting) {
      if (this.#running >= MOST) return
      const isAgain = this.#tries.has(container)
      if (isAgain && this.#runningAgain >= MOST_AGAIN) continue
      this.#waiting.delete(container)
      this.#running++
      if (isAgain) this.#runningAgain++
      void this.#inspect(container, signal).finally(() => {
        this.#running--
        if (isAgain) this.#runningAgain--
        this.#go()
      })
    }
  }

  async #inspect(container: Container, signal: AbortSignal): Promise<void> {
    const { inspect, described, failed } = this.#options
    try {
      const isThere = await inspect(container, signal)
      this.#tries.delete(container)
      if (isThere) described(container)
    } catch (error) {
      if (signal.aborted) this.#waiting.add(container)
      else {
        failed(container, error)
        void this.#again(container, signal)
      }
    }
  }

  async #again(container: Container, signal: AbortSignal): Promise<void> {
    const tries = this.#tries.get(container) ?? 0
    this.#tries.set(container, tries + 1)
    await sleep(backoffMs(tries, BACKOFF), signal)
    if (container.isGone) this.#tries.delete(container)
    else this.add(container)
  }
}
