import type { AppEvent } from '../../cloud-foundry/app-event.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { snippet } from '../../lib/words.ts'

/** InfluxDB's limit for `measurement,tags`, four bytes of its own and a field's key. */
const MAX_SERIES_KEY_BYTES = 65_535
const INFLUXDB_OVERHEAD_BYTES = 4
export const LONGEST_FIELD_KEY_BYTES = {
  http: 'response_size'.length,
  log: 'count'.length,
  container: 'memory_quota'.length,
  usage: 'absolute_entitlement'.length,
  containerUsage: 'throttled_seconds'.length,
  happening: 'container'.length,
}

export const INSTANCE_TAG = snippet(',instance=')
const ZERO = 0x30

/** The index of HTTP, CONTAINER and USAGE events, 0 where it is absent. */
export function appendInstanceIndex({ view, instance, instanceEnd }: AppEvent, lines: ByteBuffer): void {
  lines.appendSnippet(INSTANCE_TAG)
  if (instance < instanceEnd) lines.appendSpan(view, instance, instanceEnd)
  else lines.appendByte(ZERO)
}

/** Why InfluxDB could never store a point with `keyBytes` of measurement and tags, in words; undefined where it can. */
export function seriesKeyProblem(keyBytes: number, longestFieldKeyBytes: number): string | undefined {
  const size = keyBytes + INFLUXDB_OVERHEAD_BYTES + longestFieldKeyBytes
  if (size <= MAX_SERIES_KEY_BYTES) return undefined
  return `measurement and tags take ${size} bytes with the longest field key, more than InfluxDB's ${MAX_SERIES_KEY_BYTES}`
}
