import type { Ack, Fate } from './contracts.ts'
import type { EventSource } from './event-source.ts'
import type { Run } from './run.ts'

/** Counts messages that were handed over until they are settled, or given up. */
export interface InFlight {
  /** False once they were given up. */
  readonly isOpen: boolean
  settle(fate: Fate, count: number, bytes: number): void
}

export interface RunAckOptions {
  readonly inFlight: InFlight
  readonly run: Run
  /** Of all of them. */
  readonly bytes: number
  readonly source: EventSource
  readonly topic: string
  readonly partition?: number
}

/** The acknowledgement of messages that were handed over together: each counts once, and none once they were given up. */
export class RunAck implements Ack {
  readonly topic: string
  readonly partition: number
  readonly source: EventSource
  readonly #inFlight: InFlight
  readonly #run: Run
  readonly #bytesPerMessage: number

  constructor({ inFlight, run, bytes, source, topic, partition = 0 }: RunAckOptions) {
    this.topic = topic
    this.partition = partition
    this.source = source
    this.#inFlight = inFlight
    this.#run = run
    this.#bytesPerMessage = bytes / run.count
  }

  get isOpen(): boolean {
    return this.#inFlight.isOpen
  }

  settle(fate: Fate, index: number, count = 1): void {
    if (!this.#inFlight.isOpen) return
    const fresh = this.#run.settle(index, count)
    if (fresh > 0) this.#inFlight.settle(fate, fresh, fresh * this.#bytesPerMessage)
  }

  offsetOf(index: number): number {
    return this.#run.offsetOf(index)
  }

  timeOf(index: number): number | undefined {
    return this.#run.timeOf(index)
  }
}
