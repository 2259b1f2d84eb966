/** Units of Go's time.ParseDuration, in ns. The two letters for µ are U+00B5 and U+03BC. */
const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  '\u00b5s': 1000n,
  '\u03bcs': 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}
const MAX_NS = 2n ** 63n - 1n
const TERM = /(?=\.?\d)(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/gy

/**
 * A duration as Go's time.ParseDuration reads it: an optional sign, then numbers with a unit each (`300ms`, `1m30s`, `1.5h`,
 * `.5s`), or 0 without one. In ms, fractions kept; undefined for anything else, or what 64 bits of ns cannot hold.
 */
export function parseDuration(text: string): number | undefined {
  const isNegative = text.startsWith('-')
  const digits = /^[-+]/.test(text) ? text.slice(1) : text
  if (digits === '0') return 0
  let ns = 0n
  let end = 0
  for (const [term, whole = '', fraction = '', unit = ''] of digits.matchAll(TERM)) {
    const unitNs = UNIT_NS[unit] ?? 0n
    ns += BigInt(whole) * unitNs + (BigInt(fraction) * unitNs) / 10n ** BigInt(fraction.length)
    end += term.length
  }
  if (end === 0 || end < digits.length || ns > MAX_NS) return undefined
  return (isNegative ? -1 : 1) * (Number(ns) / 1e6)
}
