import { type Ack, FATES, type Fate } from './contracts.ts'
import type { EventSource } from './event-source.ts'

const RANK_OF = new Map(FATES.map((fate, rank) => [fate, rank]))

/**
 * One ack for several outputs: each message is to be settled once for each of them, and is settled by the last, with the
 * worst fate of all.
 */
export class SharedAck implements Ack {
  readonly topic: string
  readonly partition: number
  readonly #ack: Ack
  /** Per message: how many outputs have not settled it, and the worst rank so far. */
  readonly #open: Uint8Array
  readonly #ranks: Uint8Array

  constructor(ack: Ack, messages: number, outputs: number) {
    this.topic = ack.topic
    this.partition = ack.partition
    this.#ack = ack
    this.#open = new Uint8Array(messages).fill(outputs)
    this.#ranks = new Uint8Array(messages)
  }

  get isOpen(): boolean {
    return this.#ack.isOpen
  }

  get source(): EventSource {
    return this.#ack.source
  }

  offsetOf(index: number): number {
    return this.#ack.offsetOf(index)
  }

  timeOf(index: number): number | undefined {
    return this.#ack.timeOf?.(index)
  }

  settle(fate: Fate, index: number, count = 1): void {
    const open = this.#open
    const ranks = this.#ranks
    const rank = RANK_OF.get(fate) as number
    const end = index + count
    let from = index
    for (let at = index; at < end; at++) {
      if (rank > (ranks[at] as number)) ranks[at] = rank
      const left = (open[at] as number) - 1
      open[at] = left
      const isSettled = left === 0
      // Runs of one fate go on together.
      if (at > from && (!isSettled || ranks[at] !== ranks[from])) {
        this.#settleRun(from, at)
        from = at
      }
      if (!isSettled) from = at + 1
    }
    if (from < end) this.#settleRun(from, end)
  }

  #settleRun(from: number, end: number): void {
    this.#ack.settle(FATES[this.#ranks[from] as number] as Fate, from, end - from)
  }
}
