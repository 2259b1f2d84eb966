import type { RefusedRecord } from '../../flow/contracts.ts'

/** So many records refused alone, none judged before: it is hardly the records. */
const DOUBTFUL_AFTER = 8

/**
 * The parts of a batch whose requests are refused as a whole: halved down to the record that is at fault, so that all others are
 * stored. Knows nothing of the network: whoever drives it sends `next` and reports what came of it, until `next` is undefined.
 */
export class Halving {
  readonly #all: Uint32Array
  /** Record numbers; the last part is the next. */
  #pending: Uint32Array[]
  #tooLarge: RefusedRecord[] = []
  #invalid: RefusedRecord[] = []
  /** The server has judged documents one by one. */
  #isJudged = false

  constructor(count: number) {
    this.#all = Uint32Array.from({ length: count }, (_, record) => record)
    this.#pending = count === 0 ? [] : [this.#all]
  }

  /** Numbers of the records to be sent next; undefined at the end, which is a doubtful one if `isDoubtful`. */
  get next(): Uint32Array | undefined {
    return this.isDoubtful ? undefined : this.#pending.at(-1)
  }

  /** Requests were called invalid down to single records, and none was ever judged: the server or the request is at fault, not they. */
  get isDoubtful(): boolean {
    if (this.#isJudged || this.#invalid.length === 0) return false
    return this.#pending.length === 0 || this.#invalid.length >= DOUBTFUL_AFTER
  }

  /** Once `next` is undefined. */
  get refused(): readonly RefusedRecord[] {
    return [...this.#tooLarge, ...this.#invalid]
  }

  /** The first time, those called invalid before get another try: it may have been the server until now. */
  judged(): void {
    this.#pending.pop()
    if (!this.#isJudged) {
      this.#pending.push(...this.#invalid.map(({ record }) => Uint32Array.of(record)))
      this.#invalid = []
    }
    this.#isJudged = true
  }

  tooLarge(reason: string): void {
    this.#split(this.#tooLarge, reason)
  }

  invalid(reason: string): void {
    this.#split(this.#invalid, reason)
  }

  /** Begins anew after a doubtful end. */
  restart(): void {
    this.#pending = [this.#all]
    this.#tooLarge = []
    this.#invalid = []
  }

  #split(refused: RefusedRecord[], reason: string): void {
    const part = this.#pending.pop() as Uint32Array
    if (part.length === 1) refused.push({ record: part[0] as number, reason })
    else {
      const middle = Math.ceil(part.length / 2)
      this.#pending.push(part.subarray(middle), part.subarray(0, middle))
    }
  }
}
