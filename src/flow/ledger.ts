import type { Fate } from './contracts.ts'

/**
 * Counts every envelope in exactly one place. Inputs own the calls: `consume` when they hand messages over, `settle` and
 * `abandon` as acks say. What is in flight they count for themselves, which is why `residue` can show a mistake.
 */
export class Ledger {
  consumed = 0
  /** When something was consumed last, as of `Date.now()`; 0 is never. */
  lastConsumedMs = 0
  abandoned = 0
  readonly fates: Record<Fate, number> = { written: 0, discarded: 0, no_app_guid: 0, not_found: 0, undecodable: 0, refused: 0 }

  consume(count: number): void {
    this.consumed += count
    this.lastConsumedMs = Date.now()
  }

  settle(fate: Fate, count: number): void {
    this.fates[fate] += count
  }

  abandon(count: number): void {
    this.abandoned += count
  }

  /** 0 unless an envelope was counted twice or not at all. */
  residue(inFlight: number): number {
    const { written, discarded, no_app_guid, not_found, undecodable, refused } = this.fates
    return this.consumed - (written + discarded + no_app_guid + not_found + undecodable + refused + this.abandoned + inFlight)
  }
}
