import { createRequire } from 'node:module'
import { errorFromCode } from '../../kafka/answers.ts'

/** What Kafka answered instead of a partition's messages, which kafkajs takes for a message of it: the last that there can be. */
export class Refusal {
  readonly error: Error & { readonly type: string; readonly retriable: boolean }
  readonly offset = '9223372036854775807'
  readonly isControlRecord = false

  constructor(error: Refusal['error']) {
    this.error = error
  }
}

interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
}

interface FetchedPartition {
  errorCode: number
  highWatermark: string
  messages: readonly unknown[]
}

type ParseFetch = (answer: FetchAnswer) => Promise<FetchAnswer>

const FETCH_VERSIONS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]

/** That kafkajs deals with by itself: a position that is out of range, and leaders that have moved. */
const KAFKAJS_DEALS_WITH = new Set([
  'OFFSET_OUT_OF_RANGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
])

let isDone = false

/**
 * Has kafkajs hand over what Kafka answered instead of one partition's messages as a batch of that partition, in this whole
 * process. It would throw the whole answer away, without the name of the partition, and end the consumer for a topic that the
 * account may not read.
 */
export function handOverRefusals(): void {
  if (isDone) return
  isDone = true
  const require = createRequire(import.meta.url)
  for (const version of FETCH_VERSIONS) {
    const module = require(`kafkajs/src/protocol/requests/fetch/v${version}/response.js`) as { parse: ParseFetch }
    module.parse = withRefusals(module.parse)
  }
}

function withRefusals(parse: ParseFetch): ParseFetch {
  return (answer) => {
    for (const { partitions } of answer.responses) {
      for (const partition of partitions) {
        if (partition.errorCode === 0) continue
        const error = errorFromCode(partition.errorCode)
        if (KAFKAJS_DEALS_WITH.has(error.type)) continue
        partition.errorCode = 0
        partition.highWatermark = '0'
        partition.messages = [new Refusal(error)]
      }
    }
    return parse(answer)
  }
}
