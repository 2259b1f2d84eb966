import type { Logger } from 'pino'
import { backoffMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { sleep } from '../../lib/sleep.ts'
import { RequestFailed } from './request-failed.ts'

export interface RetryOptions {
  /** Further tries after a failure. */
  readonly retries: number
  readonly log: Logger
  readonly signal: AbortSignal
}

const BACKOFF = { initialMs: 500, maxMs: 10_000, jitter: 0.2 }

/**
 * Tries what may pass again, and at once gives up what needs an operator. A rate limit (429) is waited for however long it
 * takes and costs no try: to begin again would only meet it again.
 */
export async function withRetries<T>({ retries, log, signal }: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  for (let retry = 0, limited = 0; ; ) {
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof RequestFailed) || error.needsOperator) throw error
      const isRateLimit = error.status === 429
      if (!isRateLimit && retry >= retries) throw error
      const waitMs = backoffMs(isRateLimit ? limited++ : retry++, BACKOFF, error.retryAfterMs)
      log.warn(
        { error: errorText(error), wait_seconds: waitMs / 1000 },
        'Metadata: a page of the list of apps could not be had, tried again',
      )
      await sleep(waitMs, signal)
    }
  }
}
