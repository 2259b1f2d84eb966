/** What lies at a path of keys in parsed JSON; undefined where the path ends early or in null. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined
    here = (here as Record<string, unknown>)[key]
  }
  return here ?? undefined
}
