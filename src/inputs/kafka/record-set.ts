import { createRequire } from 'node:module'
import { crc32, crc32c } from '@node-rs/crc32'
import type { KafkaMessage } from 'kafkajs'
import { ATTRIBUTES_AT, CRC_AT, LENGTH_AT, LENGTH_FROM, MAGIC, MAGIC_AT } from '../../kafka/record-format.ts'
import { toError } from '../../lib/errors.ts'
import { DamagedBytes } from './damaged-bytes.ts'
import { RecordBatch } from './record-batch.ts'

/** What Kafka sent of a partition, one behind the other; a message that travels alone has a format older than record batches. */
export type Fetched = RecordBatch | DamagedBytes | KafkaMessage

/** Of the formats 0 to 2, the least that the length field can say. */
const MIN_LENGTHS: readonly number[] = [14, 22, 49]
/** Of an old message, where its checksum is and what it is of: all that comes behind it. */
const OLD_CRC_AT = 12
const OLD_CHECKED_FROM = 16
/** How many times its own size may be read in search of what is sound in a set. */
const SEARCH_PASSES = 16

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder.js')
const decodeOldMessages: (decoder: unknown, size: number) => Promise<KafkaMessage[]> = require('kafkajs/src/protocol/messageSet/decoder.js')

/**
 * Reads a set of record batches, or of what was in their place before Kafka 0.11. The header's length, format and checksum are
 * not covered by a checksum, so a batch is one only if its bytes are just as long as they have to be for their checksum. What is
 * none is {@link DamagedBytes}, up to where a sound one begins, or else to the end. The last, which Kafka may have cut off, is left
 * out unless it is alone: it comes whole where it is the first.
 *
 * Never throws, and allocates nothing by what a header claims.
 */
export async function readRecordSet(set: Buffer): Promise<Fetched[]> {
  const fetched: Fetched[] = []
  for (let at = 0; at < set.length; ) {
    let problem = problemAt(set, at)
    if (problem === undefined) {
      const end = endAt(set, at)
      try {
        fetched.push(...(await decodeAt(set, at, end)))
        at = end
        continue
      } catch (error) {
        problem = toError(error).message
      }
    }
    const end = nextSound(set, at)
    if (at > 0 && end === set.length && isCutOff(set, at)) break
    fetched.push(new DamagedBytes(set.subarray(at, end), problem))
    at = end
  }
  return fetched
}

async function decodeAt(set: Buffer, at: number, end: number): Promise<readonly Fetched[]> {
  const bytes = set.subarray(at, end)
  if (bytes[MAGIC_AT] === MAGIC) {
    const batch = new RecordBatch(bytes)
    batch.checkAhead()
    return [batch]
  }
  const messages = await decodeOldMessages(new Decoder(bytes), bytes.length)
  if (messages.length === 0) throw new Error('there is no message in it')
  return messages
}

const endAt = (set: Buffer, at: number) => at + LENGTH_FROM + set.readInt32BE(at + LENGTH_AT)

function isCutOff(set: Buffer, at: number): boolean {
  return at + LENGTH_FROM > set.length || endAt(set, at) > set.length
}

/** Why what begins at `at` is no batch; undefined where it is one. */
function problemAt(set: Buffer, at: number): string | undefined {
  if (at + MAGIC_AT >= set.length) return `of its header only ${set.length - at} bytes came`
  const magic = set[at + MAGIC_AT] as number
  const length = set.readInt32BE(at + LENGTH_AT)
  const end = endAt(set, at)
  const minLength = MIN_LENGTHS[magic]
  if (minLength === undefined) return `its header says that it has the format ${magic}, which is unknown`
  if (length < minLength) return `its header says that it has ${length} bytes`
  if (end > set.length) return `its header says that it has ${length} bytes, of which only ${set.length - at - LENGTH_FROM} came`
  const isSound =
    magic === MAGIC
      ? crc32c(set.subarray(at + ATTRIBUTES_AT, end)) === set.readUInt32BE(at + CRC_AT)
      : crc32(set.subarray(at + OLD_CHECKED_FROM, end)) === set.readUInt32BE(at + OLD_CRC_AT)
  return isSound ? undefined : 'its bytes do not have the checksum that its header says'
}

/** Where behind the one at `start`, which is damaged, a sound batch begins. The length of that one is not believed, but tried. */
function nextSound(set: Buffer, start: number): number {
  const claimed = isCutOff(set, start) ? set.length : endAt(set, start)
  const isClaimRight = claimed > start + MAGIC_AT && problemAt(set, claimed) === undefined
  const last = isClaimRight ? claimed : set.length
  let left = SEARCH_PASSES * (set.length - start)
  for (let magicAt = start + MAGIC_AT + 1; ; magicAt++) {
    magicAt = set.indexOf(MAGIC, magicAt)
    const at = magicAt - MAGIC_AT
    if (magicAt === -1 || at >= last) return last
    const end = endAt(set, at)
    if (end > set.length || end - at < LENGTH_FROM + (MIN_LENGTHS[MAGIC] as number)) continue
    left -= end - at
    if (left < 0) return last
    if (problemAt(set, at) === undefined) return at
  }
}
