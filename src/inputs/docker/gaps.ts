import type { Logger } from 'pino'

/** Why something that was said cannot be had any more. */
export const GAP_CAUSES = ['rotated', 'driver', 'removed', 'damaged', 'events'] as const
export type GapCause = (typeof GAP_CAUSES)[number]

const WORDS: Readonly<Record<GapCause, string>> = {
  rotated: 'lines are gone that the engine has rotated away before they could be read',
  driver: 'its logging driver cannot be read',
  removed: 'it was removed before its log was read to the end',
  damaged: 'a part of what the engine keeps cannot be read',
  events: 'events are gone that happened while nobody could read them',
}

/** So many of each cause are named; further ones are counted. */
const MOST_NAMED = 1000

/** What cannot be had, counted by cause, and named once. */
export class Gaps {
  readonly #log: Logger
  readonly #named = new Set<string>()
  readonly counts: Record<GapCause, number> = { rotated: 0, driver: 0, removed: 0, damaged: 0, events: 0 }

  constructor(log: Logger) {
    this.#log = log
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  /** `of`: the container, as people see it. */
  add(cause: GapCause, of: string, error?: string): void {
    this.counts[cause]++
    const key = `${cause} ${of}`
    if (this.#named.has(key) || this.#named.size >= MOST_NAMED * GAP_CAUSES.length) return
    this.#named.add(key)
    this.#log.warn({ cause, container: of, ...(error !== undefined && { error }) }, `Docker: ${WORDS[cause]}. It is counted as a gap`)
  }
}
