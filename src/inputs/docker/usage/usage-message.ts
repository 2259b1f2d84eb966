import { formatFloat } from '../../../lib/float.ts'
import type { Usage } from './reading.ts'

/** What a container's usage is called in points; whole numbers but `cpu` and `throttled_seconds`. */
const FIELDS = {
  cpuPercent: 'cpu',
  diskBytes: 'disk',
  memoryBytes: 'memory',
  memoryQuotaBytes: 'memory_quota',
  pids: 'pids',
  readBytes: 'read_bytes',
  rxBytes: 'rx_bytes',
  rxDropped: 'rx_dropped',
  rxErrors: 'rx_errors',
  throttledSeconds: 'throttled_seconds',
  txBytes: 'tx_bytes',
  txDropped: 'tx_dropped',
  txErrors: 'tx_errors',
  writeBytes: 'write_bytes',
} as const satisfies Readonly<Record<Exclude<keyof Usage, 'read'>, string>>

/** What a signed integer of 64 bits holds. */
const MOST = 2n ** 63n - 1n

/** A reading as a message: an object of the point's fields, each as the digits to write. What is absent is absent. */
export function usageMessage(usage: Usage): Buffer {
  const fields = Object.entries(FIELDS).flatMap(([key, name]) => {
    const value = usage[key as keyof typeof FIELDS]
    return value === undefined ? [] : [[name, typeof value === 'bigint' ? String(value < MOST ? value : MOST) : formatFloat(value)]]
  })
  return Buffer.from(JSON.stringify(Object.fromEntries(fields)))
}
