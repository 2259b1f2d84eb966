/**
 * Counts the rounds, one behind the other, in which held documents were sent again and a full queue or the like took none of
 * them. Rounds in which only blocked ones were sent do not count: those wait for as long as it takes.
 */
export class StuckRounds {
  #round = 0
  #count = 0

  /** Some held document was stored or refused in this round (from 1). */
  progress(round: number): void {
    this.#round = round
    this.#count = 0
  }

  /** Some were not taken for the moment in this round; 0 is the first write of a batch. Returns the rounds so far. */
  passing(round: number): number {
    if (round === 0) return 0
    if (round !== this.#round) {
      this.#count = round === this.#round + 1 ? this.#count + 1 : 1
      this.#round = round
    }
    return this.#count
  }
}
