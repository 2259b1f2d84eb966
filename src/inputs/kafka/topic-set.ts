/** Entries of `CFMR_KAFKA_TOPICS`: names, and regular expressions between slashes. */
export interface TopicSetOptions {
  readonly entries: readonly string[]
  /** Never matched by a pattern. */
  readonly deadLetterTopic: string | undefined
}

export interface TopicMatch {
  /** To be read: those that exist, sorted. */
  readonly topics: readonly string[]
  /** Named, but not there. */
  readonly missing: readonly string[]
}

/** Which topics are meant. */
export class TopicSet {
  readonly #names: readonly string[]
  readonly #patterns: readonly RegExp[]
  readonly #deadLetterTopic: string | undefined

  constructor({ entries, deadLetterTopic }: TopicSetOptions) {
    this.#names = entries.filter((entry) => !isPattern(entry))
    this.#patterns = entries.filter(isPattern).map((entry) => new RegExp(entry.slice(1, -1)))
    this.#deadLetterTopic = deadLetterTopic
  }

  match(existing: readonly string[]): TopicMatch {
    const there = new Set(existing)
    const named = this.#names.filter((name) => there.has(name))
    const matched = existing.filter((name) => this.#mayMatch(name) && this.#patterns.some((pattern) => pattern.test(name)))
    return {
      topics: [...new Set([...named, ...matched])].sort(),
      missing: this.#names.filter((name) => !there.has(name)),
    }
  }

  /** Kafka keeps its own affairs in topics that begin with two underscores. */
  #mayMatch(name: string): boolean {
    return !name.startsWith('__') && name !== this.#deadLetterTopic
  }
}

function isPattern(entry: string): boolean {
  return entry.length > 2 && entry.startsWith('/') && entry.endsWith('/')
}
