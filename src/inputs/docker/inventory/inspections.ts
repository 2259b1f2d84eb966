import type { Container } from './container.ts'

export interface InspectionsOptions {
  readonly inspect: (container: Container, signal: AbortSignal) => Promise<boolean>
  readonly described: (container: Container) => void
  readonly failed: (container: Container, error: unknown) => void
}

/** So many at a time: an engine inspects each under the container's lock. */
const MOST = 8

/** Containers that are to be inspected, each once, in the order in which they came. One that fails waits for the next list. */
export class Inspections {
  readonly #options: InspectionsOptions
  readonly #waiting = new Set<Container>()
  #running = 0
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
      this.#waiting.delete(container)
      this.#running++
      void this.#inspect(container, signal).finally(() => {
        this.#running--
        this.#go()
      })
    }
  }

  async #inspect(container: Container, signal: AbortSignal): Promise<void> {
    const { inspect, described, failed } = this.#options
    try {
      if (await inspect(container, signal)) described(container)
    } catch (error) {
      if (signal.aborted) this.#waiting.add(container)
      else failed(container, error)
    }
  }
}
