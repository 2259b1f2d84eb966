import type { Logger } from 'pino'
import type { DeadLetter, DeadLetters, Readiness } from '../flow/contracts.ts'
import { type LimitedLog, limitedLog } from '../lib/limited-log.ts'

/** Where there is no dead-letter topic: what can never be written is named in the log, and its content is gone. */
export class LoggedDeadLetters implements DeadLetters, Readiness {
  readonly keepsValues = false
  readonly notReady = () => []
  readonly #log: LimitedLog

  constructor({ log }: { readonly log: Logger }) {
    this.#log = limitedLog(log, { isByCause: false })
  }

  async send(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    for (const letter of letters) {
      const { reason, error, output, topic, partition, offset, sizeBytes } = letter
      const fields = { topic, partition, offset, reason, size_bytes: sizeBytes, output, error }
      this.#log.error(reason, fields, `dropped: ${described(letter)}; with CFMR_KAFKA_DEADLETTERTOPIC such messages are kept`)
    }
  }

  async close(): Promise<void> {
    this.#log.flush()
  }
}

/** A dead letter in words, such as "a message that is no envelope". */
export function described(letter: DeadLetter): string {
  return letter.batch === undefined ? `a message that ${complaint(letter)}` : 'a record batch that cannot be read'
}

/** What is the matter with a dead letter, to go on after "a message that …". */
export function complaint({ reason, output }: DeadLetter): string {
  if (reason === 'undecodable') return 'is no envelope'
  return output === 'influxdb' ? 'makes a point that InfluxDB refuses' : `the output ${output} refuses`
}
