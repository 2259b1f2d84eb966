/** The program cannot go on, through no mistake in its configuration: exit 1. The message is for whoever reads the log at night. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp'
}

/** The configuration or the command line is wrong: exit 2, each mistake on a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

/** What a `catch` caught, as an Error: libraries reject with strings, too. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new Error(typeof thrown === 'string' && thrown !== '' ? thrown : `rejected with ${JSON.stringify(thrown) ?? String(thrown)}`)
}
