import { sleep } from '../lib/sleep.ts'

/** Lets any number of waiters sleep until something has happened, or a time has passed. */
export class Bell {
  #ringing: AbortController | undefined

  wait(ms: number): Promise<void> {
    this.#ringing ??= new AbortController()
    return sleep(ms, this.#ringing.signal)
  }

  /** Wakes all who wait now. Costs next to nothing where nobody does. */
  ring(): void {
    this.#ringing?.abort()
    this.#ringing = undefined
  }
}
