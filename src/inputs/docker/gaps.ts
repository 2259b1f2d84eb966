import type { Logger } from 'pino'

/** Why something that was said cannot be had any more. */
export type GapCause = 'rotated' | 'driver' | 'removed' | 'damaged' | 'events'

const WORDS: Readonly<Record<GapCause, string>> = {
  rotated: 'lines are gone that the engine has rotated away before they could be read',
  driver: 'its logging driver cannot be read',
  removed: 'it was removed before its log was read to the end',
  damaged: 'a part of what the engine keeps cannot be read',
  events: 'events are gone that happened while nobody could read them',
}

const CAUSES = Object.keys(WORDS) as readonly GapCause[]

/** So many are named; further ones are counted. */
const MOST_NAMED = 5000
/** So many of the latest are kept for whoever looks. */
const LATEST = 20

/** Something that cannot be had. */
export interface Gap {
  /** When it was noticed, as of `Date.now()`. */
  readonly atMs: number
  /** The container, as people see it. */
  readonly of: string
  readonly cause: GapCause
  /** In words. */
  readonly why: string
  readonly error: string | undefined
}

/** What cannot be had, counted by cause, and named once. */
export class Gaps {
  readonly #log: Logger
  readonly #named = new Set<string>()
  readonly counts: Record<GapCause, number> = { rotated: 0, driver: 0, removed: 0, damaged: 0, events: 0 }

  /** The latest of each container and cause, the newest first. */
  latest: readonly Gap[] = []

  constructor(log: Logger) {
    this.#log = log
  }

  /** Causes that were named of a container. */
  causesOf(of: string): readonly GapCause[] {
    return CAUSES.filter((cause) => this.#named.has(`${cause} ${of}`))
  }

  /** `of`: the container, as people see it. */
  add(cause: GapCause, of: string, error?: string): void {
    this.counts[cause]++
    const others = this.latest.filter((gap) => gap.of !== of || gap.cause !== cause)
    this.latest = [{ atMs: Date.now(), of, cause, why: WORDS[cause], error }, ...others].slice(0, LATEST)
    const key = `${cause} ${of}`
    if (this.#named.has(key) || this.#named.size >= MOST_NAMED) return
    this.#named.add(key)
    const fields = { container: of, cause, why: WORDS[cause], ...(error !== undefined && { error }) }
    this.#log.warn(fields, 'Docker: something of a container cannot be had any more, and is counted as a gap')
  }
}
