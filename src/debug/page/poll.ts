import type { StatsSnapshot } from '../stats.ts'

export interface PollEvents {
  onAnswer(stats: StatsSnapshot): void
  /** `problem` in words, and when the next try is due. */
  onProblem(problem: string, nextTryMs: number): void
}

const EVERY_MS = 1000
/** Where nobody looks, a look now and then keeps title, icon and the course of the charts. */
const HIDDEN_EVERY_MS = 10_000
const MAX_WAIT_MS = 15_000
const TIMEOUT_MS = 4000

/** Asks for the figures for as long as the page lives: one request at a time, less and less often while none is answered. */
export async function poll({ onAnswer, onProblem }: PollEvents): Promise<never> {
  const url = urlOf('stats')
  for (let failures = 0; ; ) {
    const startMs = Date.now()
    let waitMs = document.hidden ? HIDDEN_EVERY_MS : EVERY_MS
    try {
      const stats = await ask(url)
      failures = 0
      onAnswer(stats)
    } catch (error) {
      waitMs = Math.max(waitMs, Math.min(MAX_WAIT_MS, EVERY_MS * 2 ** failures++))
      onProblem(error instanceof Error ? error.message : String(error), startMs + waitMs)
    }
    await patience(startMs + waitMs - Date.now())
  }
}

/**
 * A path next to the page, wherever a proxy has put it. Without the login that may have come with the page's address: browsers
 * refuse such a request, and send the login without being told.
 */
export function urlOf(path: string): string {
  const url = new URL(location.href)
  return `${url.origin}${url.pathname}${path}`
}

async function ask(url: string): Promise<StatsSnapshot> {
  const response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((error: Error) => {
    const what = error.name === 'TimeoutError' ? `nothing came for ${TIMEOUT_MS / 1000} s` : 'the connection failed'
    throw new Error(`The worker has ended, hangs, or cannot be reached from here: ${what}.`)
  })
  if (response.status === 401) throw new Error('A login is needed: reload the page.')
  if (!response.ok)
    throw new Error(`Something answers with status ${response.status}: the worker has a problem, or a router finds no worker.`)
  return response.json().catch(() => {
    throw new Error('Something answers, but not with figures: it is no worker.')
  })
}

/** Ends early when somebody looks again, or the network is back. */
function patience(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const ended = new AbortController()
    const end = () => {
      ended.abort()
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, Math.max(0, ms))
    addEventListener('online', end, { signal: ended.signal })
    document.addEventListener('visibilitychange', () => document.hidden || end(), { signal: ended.signal })
  })
}
