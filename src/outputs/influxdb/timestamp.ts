const MIN = -(2n ** 63n) + 2n
const MAX = 2n ** 63n - 2n

/** Whether InfluxDB can store this time, in ns: it keeps the outermost 64-bit integers for itself. */
export function isInRange(timestamp: string): boolean {
  const ns = BigInt(timestamp)
  return ns >= MIN && ns <= MAX
}

/** The timestamp with its last three digits replaced by those of `digits`, which is from 0 to 999. */
export function withLastDigits(timestamp: string, digits: number): string {
  const thousands = BigInt(timestamp) / 1000n
  const part = BigInt(digits)
  return String(thousands * 1000n + (timestamp.startsWith('-') ? -part : part))
}
