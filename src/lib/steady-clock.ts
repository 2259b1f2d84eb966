/**
 * Now, in ms: like `Date.now()` when the process began, and steady from then on. Whatever is decided by how long something took is
 * measured by it, since the clock on the wall may be set by hours, back too.
 */
export function steadyNowMs(): number {
  return performance.timeOrigin + performance.now()
}
