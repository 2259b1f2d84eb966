import { sleep } from './sleep.ts'

/** What `promise` resolves to, or undefined where that takes longer than `ms`; it goes on by itself then, and its rejection is nobody's. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const settled = new AbortController()
  promise.catch(() => {})
  try {
    return await Promise.race([promise, sleep(ms, settled.signal).then(() => undefined)])
  } finally {
    settled.abort()
  }
}
