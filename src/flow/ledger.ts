import { FATES, type Fate } from './contracts.ts'

/**
 * Counts every message in exactly one place. Inputs own the calls: `consume` when they hand messages over, `settle` and
 * `abandon` as acks say. What is in flight they count for themselves, which is why `residue` can show a mistake.
 */
export class Ledger {
  consumed = 0
  consumedBytes = 0
  /** When something was consumed last, as of `Date.now()`; 0 is never. */
  lastConsumedMs = 0
  abandoned = 0
  readonly fates = Object.fromEntries(FATES.map((fate) => [fate, 0])) as Record<Fate, number>

  consume(count: number, bytes = 0): void {
    this.consumed += count
    this.consumedBytes += bytes
    this.lastConsumedMs = Date.now()
  }

  settle(fate: Fate, count: number): void {
    this.fates[fate] += count
  }

  abandon(count: number): void {
    this.abandoned += count
  }

  /** The sum of `ledgers`: a copy, of this moment. */
  static sum(ledgers: Iterable<Ledger>): Ledger {
    const sum = new Ledger()
    for (const ledger of ledgers) {
      sum.consumed += ledger.consumed
      sum.consumedBytes += ledger.consumedBytes
      sum.lastConsumedMs = Math.max(sum.lastConsumedMs, ledger.lastConsumedMs)
      sum.abandoned += ledger.abandoned
      for (const fate of FATES) sum.fates[fate] += ledger.fates[fate]
    }
    return sum
  }

  /** 0 unless a message was counted twice or not at all. */
  residue(inFlight: number): number {
    return this.consumed - (FATES.reduce((sum, fate) => sum + this.fates[fate], 0) + this.abandoned + inFlight)
  }
}
