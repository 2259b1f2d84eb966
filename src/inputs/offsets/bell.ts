/** Lets any number of waiters sleep until something has happened, or a time has passed: at once where it has passed already. */
export class Bell {
  readonly #waiting = new Set<() => void>()

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.max(0, ms))
      this.#waiting.add(wake)
    })
  }

  /** Wakes all who wait now. Costs next to nothing where nobody does. */
  ring(): void {
    for (const wake of this.#waiting) wake()
  }
}
