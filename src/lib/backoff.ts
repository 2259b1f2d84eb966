export interface BackoffOptions {
  /** Delay before the first retry. */
  readonly initialMs: number
  readonly maxMs: number
  /** Share of the delay by which it may be longer or shorter: 0.2 is ±20 %. */
  readonly jitter: number
  readonly random?: () => number
}

/** Delay before retry number `retry` (from 0): doubling, jittered, and never shorter than what the server asked for. */
export function backoffMs(retry: number, { initialMs, maxMs, jitter, random = Math.random }: BackoffOptions, retryAfterMs = 0): number {
  const doubled = Math.min(maxMs, initialMs * 2 ** Math.min(retry, 52))
  return Math.max(retryAfterMs, doubled * (1 + jitter * (2 * random() - 1)))
}

/** A server that asks for more is not obeyed: nothing would be written for days, for one wrong figure. */
export const MAX_RETRY_AFTER_MS = 3_600_000

/** `Retry-After` of RFC 9110, seconds or a date, as ms from `nowMs`; undefined where there is none or it means nothing. */
export function retryAfterMs(header: string | readonly string[] | undefined, nowMs: number): number | undefined {
  const value = (typeof header === 'string' ? header : header?.[0])?.trim()
  if (value === undefined || value === '') return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
