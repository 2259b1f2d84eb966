/** A set holds at most 16 million entries. */
const SETS = 64

/** Which events have been printed. Ids follow each other in their last digits: those spread them. */
export class SeenIds {
  readonly #sets = Array.from({ length: SETS }, () => new Set<string>())

  /** Returns whether it is new. */
  add(id: string): boolean {
    const last = id.charCodeAt(id.length - 2) * 4 + id.charCodeAt(id.length - 1)
    const set = this.#sets[(Number.isNaN(last) ? 0 : last) % SETS] as Set<string>
    const before = set.size
    return set.add(id).size > before
  }
}
