import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { errorText } from './error-text.ts'
import { Secrets } from './secrets.ts'

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
 * one line with its causes), a bug as `err` (with its stack). Lines are written at once, so that the last words of a
 * process are not lost either.
 */
export function createLog({ level, destination, secrets = new Secrets() }: LogOptions): Logger {
  const stream = typeof destination === 'string' ? pino.destination({ fd: destination === 'stdout' ? 1 : 2, sync: true }) : destination
  return pino(
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
}
