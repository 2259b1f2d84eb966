/** Docker's API from 19.03 on; what later versions changed and matters here is read in either way. */
const OLDEST = '1.40'
const NEWEST = '1.52'

/** Less than 0 where `a` is the older version. */
export function compareVersions(a: string, b: string): number {
  const [major = 0, minor = 0] = a.split('.').map(Number)
  const [otherMajor = 0, otherMinor = 0] = b.split('.').map(Number)
  return major - otherMajor || minor - otherMinor
}

/**
 * The version to speak with an engine whose newest is `offered`; undefined where there is none, with which it is too old. An engine that is
 * much newer may refuse ours: it says so in each answer.
 */
export function commonVersion(offered: string): string | undefined {
  if (!/^\d+\.\d+$/.test(offered) || compareVersions(offered, OLDEST) < 0) return undefined
  return compareVersions(offered, NEWEST) < 0 ? offered : NEWEST
}

/** For errors. */
export const SPOKEN_VERSIONS = `${OLDEST} to ${NEWEST}`
