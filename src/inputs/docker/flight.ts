import type { Fate } from '../../flow/contracts.ts'
import type { Ledger } from '../../flow/ledger.ts'
import type { InFlight } from '../../flow/run-ack.ts'
import type { Bell } from '../offsets/bell.ts'

/** What was handed over and is not settled, of all containers together. */
export class Flight implements InFlight {
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
