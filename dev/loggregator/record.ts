/** What became of a numbered envelope in the gateway. */
export type Fate = 'written' | 'discarded' | 'dropped' | 'unheard'

const CODES: readonly Fate[] = ['written', 'discarded', 'dropped', 'unheard']

/**
 * What the gateway did with each envelope, by its number: `written` into a whole frame, `discarded` with what was under way in a stream that ended,
 * `dropped` because a stream's buffer was full, `unheard` because there was no stream. The worst for some group is what counts.
 */
export class GatewayRecord {
  #codes = new Uint8Array(1024)
  /** How many have been published. */
  published = 0

  note(number: number | undefined, fate: Fate): void {
    if (number === undefined) return
    if (number >= this.#codes.length) {
      const larger = new Uint8Array(2 * (number + 1))
      larger.set(this.#codes)
      this.#codes = larger
    }
    const code = CODES.indexOf(fate) + 1
    if (code > (this.#codes[number] as number)) this.#codes[number] = code
  }

  count(fate: Fate): number {
    const code = CODES.indexOf(fate) + 1
    let count = 0
    for (const each of this.#codes) if (each === code) count++
    return count
  }

  numbers(fate: Fate): number[] {
    const code = CODES.indexOf(fate) + 1
    return [...this.#codes.keys()].filter((number) => this.#codes[number] === code)
  }
}
