import { sleep } from '../src/lib/sleep.ts'

export interface WaitOptions {
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/** Resolves with the first value that is neither undefined nor false; rejects, naming `what`, when none came in time. */
export async function waitUntil<Value>(
  what: string,
  look: () => Value | Promise<Value>,
  { timeoutMs = 90_000, everyMs = 50 }: WaitOptions = {},
): Promise<Exclude<Value, undefined | false>> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== false) return value as Exclude<Value, undefined | false>
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain: ${what}`)
    await sleep(everyMs)
  }
}
