/** A signal that aborts with another one, for as long as it is needed. */
export interface LinkedAbort {
  readonly signal: AbortSignal
  /** Aborts it by itself. */
  abort(reason?: unknown): void
  /** It is not needed any more: the other one forgets it. */
  unlink(): void
}

/**
 * As `AbortSignal.any`, which in Node 20 keeps something of each signal that it has made for as long as the longest of its sources lives: where one lives as long
 * as the process, and many are made, that is a leak.
 */
export function linkedAbort(source: AbortSignal): LinkedAbort {
  const controller = new AbortController()
  const abort = () => controller.abort(source.reason)
  if (source.aborted) abort()
  else source.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => source.removeEventListener('abort', abort),
  }
}
