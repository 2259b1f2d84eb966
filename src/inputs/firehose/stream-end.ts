/**
 * Why a stream is not there any more, or never was. `age`: replaced before its time. `closing`: the gateway said so. `eof`: it ended without a word.
 * `overloaded`: that, at once. `silent`: no heartbeat. `broken`: the connection. `unreachable`: there was none. `login`: no token. `not_found`: rights,
 * or nothing there. `refused`: any other answer. `stopped`: by us.
 */
export type Cause = (typeof CAUSES)[number] | 'stopped'

/** All that can befall a stream by itself. */
export const CAUSES = ['age', 'closing', 'eof', 'overloaded', 'silent', 'broken', 'unreachable', 'login', 'not_found', 'refused'] as const

export interface StreamEnd {
  readonly cause: Cause
  /** In words, for the log and /readyz. */
  readonly error: string
  /** How long it was open; 0 where it never was. */
  readonly livedMs: number
  /** The token that it was opened with. */
  readonly token?: string
  /** The server that was asked for a token wants to be left alone for so long. */
  readonly retryAfterMs?: number | undefined
  /** Somebody must act, or it will be the same the next time. */
  readonly needsOperator?: boolean
}
