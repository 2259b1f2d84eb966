/** How much counters grow in a second, as of the last sample. */
export class Rates<Name extends string> {
  readonly #names: readonly Name[]
  readonly #counts: () => Readonly<Record<Name, number>>
  #last: Readonly<Record<Name, number>>
  #lastMs: number
  #perSecond: Readonly<Record<Name, number>>

  constructor(names: readonly Name[], counts: () => Readonly<Record<Name, number>>, nowMs: number) {
    this.#names = names
    this.#counts = counts
    this.#last = counts()
    this.#lastMs = nowMs
    this.#perSecond = this.#each(() => 0)
  }

  get perSecond(): Readonly<Record<Name, number>> {
    return this.#perSecond
  }

  /** To be called about once a second; a late call is allowed for. */
  sample(nowMs: number): void {
    const seconds = (nowMs - this.#lastMs) / 1000
    if (seconds <= 0) return
    const counts = this.#counts()
    this.#perSecond = this.#each((name) => Math.round((counts[name] - this.#last[name]) / seconds))
    this.#last = counts
    this.#lastMs = nowMs
  }

  #each(value: (name: Name) => number): Record<Name, number> {
    return Object.fromEntries(this.#names.map((name) => [name, value(name)])) as Record<Name, number>
  }
}
