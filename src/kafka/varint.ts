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
