const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** The partition that Kafka's Java client chooses for a key: murmur2 of its bytes, without a sign, modulo the partitions. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** MurmurHash2, 32 bits, with the seed of org.apache.kafka.common.utils.Utils. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = SEED ^ length
  const wholes = length - (length % 4)
  for (let at = 0; at < wholes; at += 4) {
    let word =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
    word = Math.imul(word, M)
    word ^= word >>> R
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  for (let left = length % 4; left > 0; left--) hash ^= (bytes[wholes + left - 1] as number) << (8 * (left - 1))
  if (length % 4 !== 0) hash = Math.imul(hash, M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}
