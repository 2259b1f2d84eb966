const SIZE = 100

/**
 * Apps that are known to exist, a fair sample of the last good list. A look-up carries one of them: an answer in which that
 * one is absent, too, says nothing of the others (the account has lost its role).
 */
export class Witnesses {
  readonly #random: () => number
  #guids: string[] = []
  #turn = 0

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** Replaces them by a sample of `guids`. */
  choose(guids: Iterable<string>): void {
    const sample: string[] = []
    let seen = 0
    for (const guid of guids) {
      seen++
      if (sample.length < SIZE) sample.push(guid)
      else if (this.#random() < SIZE / seen) sample[Math.floor(this.#random() * SIZE)] = guid
    }
    this.#guids = sample
  }

  /** Another one each time, so that one app's end does not stand in the way for long. Undefined where none is known but those asked for. */
  next(asked: ReadonlySet<string>): string | undefined {
    for (let tries = this.#guids.length; tries > 0; tries--) {
      const guid = this.#guids[this.#turn++ % this.#guids.length]
      if (guid !== undefined && !asked.has(guid)) return guid
    }
    return undefined
  }
}
