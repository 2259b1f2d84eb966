import { createRequire } from 'node:module'
import { type AbortedTransaction, type FetchedMessage, leaveOutAborted } from './aborted-transactions.ts'
import { ATTRIBUTES_AT, COUNT_AT, isDamaged, RECORDS_AT, RecordBatch } from './record-batch.ts'

const LENGTH_AT = 8
const MAGIC_AT = 16
/** What the length does not count: base offset and length. */
const LENGTH_FROM = 12

const MAGIC = 2
const IS_CONTROL = 0x20

/** kafkajs's reader of a response, as far as it matters here. */
interface FetchDecoder {
  readonly buffer: Buffer
  readonly offset: number
  forward(bytes: number): void
}

type DecodeRecordBatch = (decoder: FetchDecoder) => unknown

const DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder.js'

/** A fetch response as kafkajs decodes it, as far as it matters here. */
interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
}

interface FetchedPartition {
  abortedTransactions: readonly AbortedTransaction[]
  readonly messages: readonly FetchedMessage[]
}

interface ResponseModule {
  decode: (response: Buffer) => Promise<FetchResponse>
}

/** The versions of a fetch response that kafkajs reads and that tell of transactions. */
const FETCH_VERSIONS = [4, 5, 6, 7, 8, 9, 10, 11]

/**
 * Has kafkajs hand over record batches as they are, in this whole process. Of each record it makes a dozen objects and five
 * BigInts, which was a third of the worker's CPU, keeps the objects of whole responses, and overflows the stack with some
 * 125,000 records in a batch. No option avoids that, so the module that decodes a batch is replaced before the first response
 * is read. Control records and formats older than 0.11 are left to the original. What was aborted is told by our own reading.
 */
export function keepRecordBatchesWhole(): void {
  const require = createRequire(import.meta.url)
  const original = require(DECODER) as DecodeRecordBatch
  const module = require.cache[require.resolve(DECODER)]
  if (module === undefined || replaced.has(original)) return
  const decode: DecodeRecordBatch = (decoder) => {
    const batch = wholeBatch(decoder)
    return batch === undefined ? original(decoder) : { records: [batch] }
  }
  replaced.add(decode)
  module.exports = decode
  const responses = FETCH_VERSIONS.map(
    (version) => require(`kafkajs/src/protocol/requests/fetch/v${version}/response.js`) as ResponseModule,
  )
  for (const response of responses) response.decode = leavingOutAborted(response.decode)
}

/** kafkajs is then told of no aborted transaction. */
function leavingOutAborted(decode: ResponseModule['decode']): ResponseModule['decode'] {
  return async (bytes) => {
    const response = await decode(bytes)
    for (const { partitions } of response.responses) {
      for (const partition of partitions) {
        if (partition.abortedTransactions.length > 0) leaveOutAborted(partition.messages, partition.abortedTransactions)
        partition.abortedTransactions = []
      }
    }
    return response
  }
}

const replaced = new WeakSet<DecodeRecordBatch>()

/** Most responses end in the middle of a batch, and kafkajs knows that by this name. */
const CUT_OFF = Object.assign(new Error('the response ends in the middle of a record batch'), { name: 'KafkaJSPartialMessageError' })

function wholeBatch(decoder: FetchDecoder): RecordBatch | undefined {
  const { buffer, offset } = decoder
  const size = LENGTH_FROM + buffer.readInt32BE(offset + LENGTH_AT)
  if (offset + size > buffer.length) throw CUT_OFF
  if (size < RECORDS_AT || buffer[offset + MAGIC_AT] !== MAGIC) return undefined
  const bytes = buffer.subarray(offset, offset + size)
  const isControl = (bytes.readInt16BE(ATTRIBUTES_AT) & IS_CONTROL) !== 0
  if (isControl && bytes.readInt32BE(COUNT_AT) > 0 && !isDamaged(bytes)) return undefined
  decoder.forward(size)
  return new RecordBatch(bytes)
}
