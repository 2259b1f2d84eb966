/** Where a stream of a container's log was left: behind `count` lines of time `timeNs`. */
export interface Cursor {
  readonly timeNs: bigint
  readonly count: number
}

/**
 * Reads one stream of a log again from somewhat before its cursor: says which lines are new, and numbers those of equal time. Lines before the
 * cursor are passed over until it, or a later line, has been met; from then on none is, since the wall clock may have been set back.
 */
export class ResumedStream {
  readonly #cursor: Cursor | undefined
  #isBehind: boolean
  #timeNs: bigint | undefined
  #ordinal = 0

  /** Without a cursor every line is new. */
  constructor(cursor: Cursor | undefined) {
    this.#cursor = cursor
    this.#isBehind = cursor === undefined
  }

  /** The line's number among those of its time, from 0; undefined where the line was settled before. */
  next(timeNs: bigint): number | undefined {
    this.#ordinal = timeNs === this.#timeNs ? this.#ordinal + 1 : 0
    this.#timeNs = timeNs
    const cursor = this.#cursor
    if (!this.#isBehind && cursor !== undefined) {
      if (timeNs < cursor.timeNs || (timeNs === cursor.timeNs && this.#ordinal < cursor.count)) return undefined
      this.#isBehind = true
    }
    return this.#ordinal
  }
}
