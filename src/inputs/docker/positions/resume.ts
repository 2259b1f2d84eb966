/** Where a stream of a container's log was left: behind `count` lines of time `timeNs`. */
export interface Cursor {
  readonly timeNs: bigint
  readonly count: number
}

/**
 * Reads one stream of a log again from somewhat before its cursor: says which lines are new, and numbers those of equal time. Lines before the
 * cursor are passed over until it, or a later line, has been met; from then on none is, since the wall clock may have been set back: what stands
 * behind the cursor is new, whatever its time.
 */
export class ResumedStream {
  readonly #cursor: Cursor | undefined
  readonly #sinceNs: bigint
  #isBehind: boolean
  #hasMet = false
  #timeNs: bigint | undefined
  #ordinal = 0
  /** The line at the cursor was not there any more when the first one behind it came: lines between the two may be missing. */
  hasGap = false

  /** Without a cursor every line is new. Lines of before `sinceNs` are not read. */
  constructor(cursor: Cursor | undefined, sinceNs = 0n) {
    this.#cursor = cursor
    this.#sinceNs = sinceNs
    this.#isBehind = cursor === undefined
  }

  /** The line's number among those of its time, from 0; undefined where the line was settled before. */
  next(timeNs: bigint): number | undefined {
    this.#ordinal = timeNs === this.#timeNs ? this.#ordinal + 1 : 0
    this.#timeNs = timeNs
    const cursor = this.#cursor
    if (!this.#isBehind && cursor !== undefined) {
      const isBefore = timeNs < cursor.timeNs || (timeNs === cursor.timeNs && this.#ordinal < cursor.count)
      if (isBefore && !this.#hasMet) {
        this.#hasMet = timeNs === cursor.timeNs && this.#ordinal === cursor.count - 1
        return undefined
      }
      this.#isBehind = true
      this.hasGap = !this.#hasMet && cursor.timeNs >= this.#sinceNs
    }
    return this.#ordinal
  }
}
