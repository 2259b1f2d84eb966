/** How often something happened, and when last. Rates are made by whoever samples it. */
export class Activity {
  count = 0
  /** As of `Date.now()`; 0 is never. */
  lastMs = 0

  add(count: number, nowMs: number): void {
    this.count += count
    this.lastMs = nowMs
  }
}
