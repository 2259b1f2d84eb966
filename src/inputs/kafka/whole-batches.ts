import { createRequire } from 'node:module'
import { type AbortedTransaction, leaveOutAborted } from './aborted-transactions.ts'
import { RecordBatch } from './record-batch.ts'
import { type Fetched, readRecordSet } from './record-set.ts'

/** kafkajs's reader of a response, as far as it matters here. */
interface ResponseDecoder {
  canReadBytes(bytes: number): boolean
  readInt32(): number
  readBytes(bytes: number): Buffer
}

type DecodeMessages = (decoder: ResponseDecoder) => Promise<readonly Fetched[]>

const DECODER = 'kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js'

/** A fetch response as kafkajs decodes it, as far as it matters here. */
interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
}

interface FetchedPartition {
  abortedTransactions: readonly AbortedTransaction[]
  readonly messages: readonly Fetched[]
}

interface ResponseModule {
  decode: (response: Buffer) => Promise<FetchResponse>
}

/** The versions of a fetch response that kafkajs reads and that have record batches. */
const FETCH_VERSIONS = [4, 5, 6, 7, 8, 9, 10, 11]

let isDone = false

/**
 * Has kafkajs hand over record batches as they are, in this whole process. Of each record it makes a dozen objects and five
 * BigInts, which was a third of the worker's CPU, keeps the objects of whole responses, overflows the stack with some 125,000
 * records in a batch, and believes whatever a header says. No option avoids that, so the module that decodes what came of a
 * partition is replaced before the first response is read. What was aborted is told by our own reading.
 */
export function keepRecordBatchesWhole(): void {
  if (isDone) return
  isDone = true
  const require = createRequire(import.meta.url)
  require(DECODER)
  const module = require.cache[require.resolve(DECODER)] as NodeJS.Module
  const decode: DecodeMessages = async (decoder) => {
    const size = decoder.readInt32()
    return size > 0 && decoder.canReadBytes(size) ? readRecordSet(decoder.readBytes(size)) : []
  }
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
        const { abortedTransactions, messages } = partition
        if (abortedTransactions.length > 0) {
          leaveOutAborted(
            messages.filter((message) => message instanceof RecordBatch),
            abortedTransactions,
          )
        }
        partition.abortedTransactions = []
      }
    }
    return response
  }
}
