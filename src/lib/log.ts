import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { errorText } from './error-text.ts'
import { LogStream } from './log-stream.ts'
import { Secrets } from './secrets.ts'
import { within } from './within.ts'

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  readonly level: LogLevel
  /** Where lines go: stderr where stdout carries the points. */
  readonly destination: 'stdout' | 'stderr' | DestinationStream
  /** What must never appear, whoever writes it. */
  readonly secrets?: Secrets
}

/**
 * One JSON object a line: `level` (DEBUG, INFO, WARN, ERROR), `time` (RFC 3339), fields, `msg`.
 *
 * WARN means nothing is lost; ERROR means that somebody must act. Pass what went wrong as field `error` (an Error becomes
 * one line with its causes), a bug as `err` (with its stack). Lines that nobody reads are dropped and counted, so that no
 * reader of the log holds the program. Whoever ends the process waits for {@link lastWords}.
 */
export function createLog({ level, destination, secrets = new Secrets() }: LogOptions): Logger {
  const stream = typeof destination === 'string' ? new LogStream(process[destination]) : destination
  const log = pino(
    {
      level: level.toLowerCase(),
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      serializers: { error: errorText },
      hooks: { streamWrite: secrets.redact },
    },
    stream,
  )
  if (stream instanceof LogStream) {
    stream.onRoom = (dropped) => log.warn({ dropped }, 'Lines of this log were dropped, since nobody read them in time')
  }
  return log
}

/** Resolves once what was logged is out, or nobody has read it for so long (milliseconds) that nobody will. */
export async function lastWords(log: Logger, waitMs: number): Promise<void> {
  await within(new Promise<void>((resolve) => log.flush(() => resolve())), waitMs)
}
