import type { Delivery } from '../../flow/contracts.ts'
import type { FactSource } from './container-source.ts'

type Fact = FactSource['fact']

interface Queued {
  readonly fact: Fact
  readonly bytes: number
  readonly deliver: () => Delivery
}

export interface DroppingQueueOptions {
  readonly maxMessages: number
  readonly maxBytes: number
  /** The oldest has been thrown away, with so many bytes. */
  readonly dropped: (bytes: number, fact: Fact) => void
}

/** Messages of what cannot be asked for again, one a delivery: reading them never waits. What does not fit pushes out the oldest. */
export class DroppingQueue {
  readonly #options: DroppingQueueOptions
  #queued: Queued[] = []
  #bytes = 0

  constructor(options: DroppingQueueOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#queued.length
  }

  push(bytes: number, fact: Fact, deliver: () => Delivery): void {
    const { maxMessages, maxBytes, dropped } = this.#options
    this.#queued.push({ bytes, fact, deliver })
    this.#bytes += bytes
    while (this.#queued.length > 1 && (this.#queued.length > maxMessages || this.#bytes > maxBytes)) {
      const oldest = this.#queued.shift() as Queued
      this.#bytes -= oldest.bytes
      dropped(oldest.bytes, oldest.fact)
    }
  }

  /** Throws all away, and returns how many there were, and their bytes. */
  clear(): { readonly messages: number; readonly bytes: number } {
    const cleared = { messages: this.#queued.length, bytes: this.#bytes }
    this.#queued = []
    this.#bytes = 0
    return cleared
  }

  shift(): Delivery | undefined {
    const oldest = this.#queued.shift()
    if (oldest === undefined) return undefined
    this.#bytes -= oldest.bytes
    return oldest.deliver()
  }
}
