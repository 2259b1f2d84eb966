/**
 * Writes a whole number as Kafka's records have it (zigzag, seven bits to a byte, the lowest first): up to 2^52 either way.
 * Returns where it ends.
 */
export function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = zigzag(value)
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80
  bytes[at++] = rest
  return at
}

/** How many bytes {@link putVarint} writes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = zigzag(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

/** Reads a whole number of 32 bits at most: seven to a byte, the lowest first; the lowest bit of all is the sign. */
export function varint(bytes: Uint8Array, start: number): number {
  let byte = bytes[start] as number
  let value = byte & 0x7f
  for (let at = start + 1, shift = 7; byte >= 0x80; at++, shift += 7) {
    byte = bytes[at] as number
    value |= (byte & 0x7f) << shift
  }
  return (value >>> 1) ^ -(value & 1)
}

/** As {@link varint}, of more bits: exact to 2^53. */
export function varlong(bytes: Uint8Array, start: number): number {
  let byte = bytes[start] as number
  let value = byte & 0x7f
  for (let at = start + 1, unit = 0x80; byte >= 0x80; at++, unit *= 0x80) {
    byte = bytes[at] as number
    value += (byte & 0x7f) * unit
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Where what begins at `start` ends. */
export function behindVarint(bytes: Uint8Array, start: number): number {
  let at = start
  while ((bytes[at] as number) >= 0x80) at++
  return at + 1
}
