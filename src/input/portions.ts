import type { KafkaMessage } from 'kafkajs'
import type { Message } from '../types.ts'
import { RecordBatch, type Records } from './record-batch.ts'

const PORTION_MESSAGES = 500
/** A portion ends at this many bytes, so that bytes in flight, which are counted by average, stay near the truth. */
const PORTION_BYTES = 256 * 1024
/** A message of this size travels alone, for the same reason. */
const LARGE_MESSAGE_BYTES = 32 * 1024

export interface Portion {
  readonly messages: readonly Message[]
  readonly bytes: number
}

/**
 * What one fetch brought of a partition, in portions that are handed over together. Record batches are decompressed one after the
 * other as they are come to, however well they compress.
 */
export class Portions {
  readonly #fetched: readonly KafkaMessage[]
  readonly #from: number
  #index = 0
  #records: Records | undefined
  #ahead: Message | undefined

  /** Messages before the offset `from` are left out: a batch may begin before what was asked for. */
  constructor(fetched: readonly KafkaMessage[], from: number) {
    this.#fetched = fetched
    this.#from = from
    this.#ahead = this.#nextWanted()
  }

  get isEmpty(): boolean {
    return this.#ahead === undefined
  }

  /** Of at least one message, unless it is empty. */
  take(): Portion {
    const messages: Message[] = []
    let bytes = 0
    while (this.#ahead !== undefined && messages.length < PORTION_MESSAGES) {
      const size = this.#ahead.value?.length ?? 0
      const isLarge = size >= LARGE_MESSAGE_BYTES
      if (messages.length > 0 && (isLarge || bytes + size > PORTION_BYTES)) break
      messages.push(this.#ahead)
      bytes += size
      this.#ahead = this.#nextWanted()
      if (isLarge) break
    }
    return { messages, bytes }
  }

  #nextWanted(): Message | undefined {
    let message = this.#next()
    while (message !== undefined && message.offset < this.#from) message = this.#next()
    return message
  }

  #next(): Message | undefined {
    for (;;) {
      const record = this.#records?.next()
      if (record !== undefined) return record
      const fetched = this.#fetched[this.#index++]
      if (fetched === undefined) return undefined
      if (!(fetched instanceof RecordBatch)) return { offset: Number(fetched.offset), value: fetched.value }
      this.#records = fetched.records()
    }
  }
}
