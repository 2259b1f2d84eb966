const ROUNDS_TO_BELIEVE = 3
/** Share of the apps that two lists must have in common to agree: some come and go all the time. */
const AGREEMENT = 0.9

/**
 * Tells whether a list of all apps can be one. An account that loses its role gets a 200 and an empty list, or a short one,
 * and what is missing there must not pass for deleted. So none, or fewer than half of the last good list, is suspicious, until
 * a list has that half again, or three in a row agree (on one that is not empty).
 */
export class RefreshJudge {
  #good: number
  #candidate: ReadonlySet<string> = new Set()
  #rounds = 0

  /** `good`: how many apps the first list had. */
  constructor(good: number) {
    this.#good = good
  }

  /**
   * What is wrong with a list of all apps, in words; undefined where it can be believed. An extra list, fetched between two
   * regular ones, may end the suspicion by its size, but is not one of three in a row.
   */
  judge(guids: ReadonlySet<string>, isExtra = false): string | undefined {
    const isEnough = guids.size > 0 && guids.size * 2 >= this.#good
    if (!isEnough && (isExtra || !this.#agrees(guids))) {
      return `the last refresh returned ${guids.size} apps, and the last good one ${this.#good}: has the account lost its role?`
    }
    this.#good = guids.size
    this.#candidate = new Set()
    this.#rounds = 0
    return undefined
  }

  #agrees(guids: ReadonlySet<string>): boolean {
    let common = 0
    for (const guid of guids) if (this.#candidate.has(guid)) common++
    if (common < AGREEMENT * Math.max(guids.size, this.#candidate.size)) this.#rounds = 0
    this.#candidate = guids
    this.#rounds = guids.size === 0 ? 0 : this.#rounds + 1
    return this.#rounds >= ROUNDS_TO_BELIEVE
  }
}
