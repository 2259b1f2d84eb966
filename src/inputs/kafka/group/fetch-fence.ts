/** A broker that is gone answers no more: what it owed is forgotten after this. */
const FORGET_MS = 10_000

/**
 * Tells batches that were asked for before the latest join from those after it. kafkajs reads from each broker in a loop of
 * its own, and when a leader moves or a partition is added it joins again inside one of them: what the others had asked for
 * before still arrives, and would move the new positions past messages that were never handed over.
 */
export class FetchFence {
  #join = 0
  readonly #startedIn = new Map<number, number>()
  readonly #stale = new Map<number, number>()

  /** The group is joined again: what is under way is stale. */
  raise(): void {
    this.#join++
  }

  started(nodeId: number): void {
    this.#stale.delete(nodeId)
    this.#startedIn.set(nodeId, this.#join)
  }

  ended(nodeId: number, nowMs: number): void {
    if (this.#startedIn.get(nodeId) !== this.#join) this.#stale.set(nodeId, nowMs)
  }

  /** Whether the batch that arrives now may be a stale one: batches do not say which broker they come from. */
  isStale(nowMs: number): boolean {
    for (const [nodeId, sinceMs] of this.#stale) if (nowMs - sinceMs > FORGET_MS) this.#stale.delete(nodeId)
    return this.#stale.size > 0
  }
}
