import type { App } from './app.ts'

/** What an output makes of an app once and needs with each of its events. It goes with the memory that the app lies in. */
export class PerApp<T> {
  readonly #make: (app: App) => T
  readonly #byWords = new WeakMap<Float64Array, Map<number, T>>()

  constructor(make: (app: App) => T) {
    this.#make = make
  }

  of(app: App): T {
    let byPlace = this.#byWords.get(app.words)
    if (byPlace === undefined) {
      byPlace = new Map()
      this.#byWords.set(app.words, byPlace)
    }
    let made = byPlace.get(app.at)
    if (made === undefined) {
      made = this.#make(app)
      byPlace.set(app.at, made)
    }
    return made
  }
}
