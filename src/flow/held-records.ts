import { backoffMs } from '../lib/backoff.ts'
import { sleep } from '../lib/sleep.ts'
import { Batch } from './batch.ts'

export interface HeldRecordsOptions {
  /** Whether batches keep the original messages. */
  readonly keepsValues: boolean
  /** So many records are written again together. */
  readonly flushMessages: number
  /** Writes a batch again, settles what becomes of it, and resolves to the numbers of the records that are still held. */
  readonly write: (batch: Batch, tries: number) => Promise<readonly number[]>
  readonly fail: (error: unknown) => void
}

const RETRIES = { initialMs: 1000, maxMs: 30_000, jitter: 0.2 }

/**
 * Records that an output holds back while it goes on with all others: a tenant without a key, an index that is closed. They are
 * written again after a while, and again, for as long as it takes. What is held is bounded by what may be in flight.
 */
export class HeldRecords {
  readonly #options: HeldRecordsOptions
  /** By place. The last of each may still be filled. */
  readonly #batches = new Map<string | undefined, Batch[]>()
  #count = 0
  #retrying: Promise<void> | undefined

  constructor(options: HeldRecordsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  /** Resolves when none is held any more, or `kill` has aborted. */
  get released(): Promise<void> {
    return this.#retrying ?? Promise.resolve()
  }

  /** Keeps copies of these records of `batch`, all of one place. */
  add(batch: Batch, numbers: readonly number[], kill: AbortSignal): void {
    const { keepsValues, flushMessages } = this.#options
    const { place } = batch
    const batches = this.#batches.get(place) ?? []
    this.#batches.set(place, batches)
    let open = batches.at(-1)
    if (open === undefined || open.count + numbers.length > flushMessages) {
      open = new Batch({ keepsValues, place })
      batches.push(open)
    }
    this.#count += open.copy(batch, numbers)
    this.#retrying ??= this.#retry(kill)
      .catch(this.#options.fail)
      .finally(() => {
        this.#retrying = undefined
      })
  }

  async #retry(kill: AbortSignal): Promise<void> {
    for (let tries = 0; this.#count > 0; ) {
      await sleep(backoffMs(tries, RETRIES), kill)
      if (kill.aborted) return
      tries = (await this.#writeAll(tries + 1, kill)) ? 0 : tries + 1
    }
  }

  /** Resolves to whether any is held no more. */
  async #writeAll(tries: number, kill: AbortSignal): Promise<boolean> {
    const before = this.#count
    for (const [place, batches] of [...this.#batches]) {
      this.#batches.delete(place)
      for (const batch of batches) {
        const left = await this.#options.write(batch, tries)
        this.#count -= batch.count
        if (left.length > 0) this.add(batch, left, kill)
      }
    }
    return this.#count < before
  }
}
