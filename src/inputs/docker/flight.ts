import type { Ack, Fate } from '../../flow/contracts.ts'
import type { Ledger } from '../../flow/ledger.ts'
import type { Bell } from '../offsets/bell.ts'
import type { Run } from '../offsets/offset-tracker.ts'
import type { ContainerSource } from './container-source.ts'

/** What was handed over and is not settled, of all containers together. */
export class Flight {
  readonly #ledger: Ledger
  readonly #settled: Bell
  messages = 0
  bytes = 0
  /** How many have been settled. */
  settledCount = 0
  isOpen = true

  /** `settled` rings when messages have been settled. */
  constructor(ledger: Ledger, settled: Bell) {
    this.#ledger = ledger
    this.#settled = settled
  }

  handOver(count: number, bytes: number): void {
    this.#ledger.consume(count, bytes)
    this.messages += count
    this.bytes += bytes
  }

  settle(fate: Fate, count: number, bytes: number): void {
    this.#ledger.settle(fate, count)
    this.messages -= count
    this.bytes = this.messages === 0 ? 0 : this.bytes - bytes
    this.settledCount += count
    this.#settled.ring()
  }

  /** Abandons what is in flight. */
  end(): void {
    this.isOpen = false
    this.#ledger.abandon(this.messages)
    this.messages = 0
    this.bytes = 0
  }
}

/** Of messages of one container that were handed over together. */
export class ContainerAck implements Ack {
  readonly topic: string
  readonly partition = 0
  readonly source: ContainerSource
  readonly #flight: Flight
  readonly #run: Run
  readonly #bytesPerMessage: number

  constructor(flight: Flight, run: Run, source: ContainerSource, bytes: number) {
    this.topic = source.container.shortId
    this.source = source
    this.#flight = flight
    this.#run = run
    this.#bytesPerMessage = bytes / run.count
  }

  get isOpen(): boolean {
    return this.#flight.isOpen
  }

  settle(fate: Fate, index: number, count = 1): void {
    if (!this.#flight.isOpen) return
    const fresh = this.#run.settle(index, count)
    if (fresh > 0) this.#flight.settle(fate, fresh, fresh * this.#bytesPerMessage)
  }

  offsetOf(index: number): number {
    return this.#run.offsetOf(index)
  }
}
