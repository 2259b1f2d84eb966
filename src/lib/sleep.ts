/**
 * Waits `ms` (below 0: none), or until `signal` aborts, whichever comes first; never rejects. All waiting goes through here, so that
 * a test's fake timers move it. Does not keep the process alive once everything else has ended only if `unref` is set.
 */
export function sleep(ms: number, signal?: AbortSignal, { unref = false } = {}): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, Math.min(Math.max(0, ms), 2 ** 31 - 1))
    if (unref) timer.unref()
    signal?.addEventListener('abort', wake, { once: true })
  })
}
