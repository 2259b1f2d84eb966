/** A frame of usage, as text, with the counters of its n-th reading a second after that of the one before, one tenth of a core used meanwhile. */
export function growingFrame(frame: string, reading: number): string {
  const read = new Date(FIRST_MS + reading * 1000).toISOString()
  return frame
    .replace(/"read":"[^"]*"/, `"read":"${read}"`)
    .replace(/"total_usage":\d+/, `"total_usage":${reading * 100_000_000}`)
    .replace(/"system_cpu_usage":\d+/, `"system_cpu_usage":${reading * 2_000_000_000}`)
}

const FIRST_MS = Date.UTC(2026, 0, 1)
