import type { Uuid } from './envelope.ts'

const bytes = Buffer.alloc(16)

/** Sixteen bytes, the low half first, each half little-endian, as 8-4-4-4-12 in lower-case hex. Missing halves are 0. */
export function uuidText({ low = 0n, high = 0n }: Uuid): string {
  bytes.writeBigUInt64LE(low, 0)
  bytes.writeBigUInt64LE(high, 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
