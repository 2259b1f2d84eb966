import type { Logger } from 'pino'
import type { DeadLetter, DeadLetters, Readiness } from '../flow/contracts.ts'
import { type LimitedLog, limitedLog } from '../lib/limited-log.ts'
import { complaint } from './logged.ts'

/** Beyond so many, the file is not what it was taken for, and naming each line helps nobody. */
const NAMED_LINES = 100

/** For a replay: names the lines of the files that can never be written. They are still there, so nothing else is kept. */
export class ReplayDeadLetters implements DeadLetters, Readiness {
  readonly keepsValues = false
  readonly notReady = () => []
  readonly #log: Logger
  readonly #limited: LimitedLog
  #named = 0

  constructor({ log }: { readonly log: Logger }) {
    this.#log = log
    this.#limited = limitedLog(log, { isByCause: false })
  }

  async send(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    for (const letter of letters) {
      const { reason, error, topic, offset, sizeBytes } = letter
      const fields = { file: topic, line: Number(offset), reason, size_bytes: sizeBytes, error }
      const text = `${topic}:${offset} left out: a line that ${complaint(letter)}`
      if (this.#named++ < NAMED_LINES) this.#log.error(fields, text)
      else this.#limited.error(reason, fields, text)
    }
  }

  async close(): Promise<void> {
    this.#limited.flush()
  }
}
