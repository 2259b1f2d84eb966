import type { Message } from '../../flow/contracts.ts'
import type { Placed } from './placed-batches.ts'
import { RecordBatch } from './record-batch.ts'
import { type Records, UnreadableBatch } from './records.ts'
import type { UnreadablePortion } from './unreadable-portion.ts'

const PORTION_MESSAGES = 500
/** A portion ends at this many bytes, so that bytes in flight, which are counted by average, stay near the truth. */
const PORTION_BYTES = 256 * 1024
/** A message of this size travels alone, for the same reason. */
const LARGE_MESSAGE_BYTES = 32 * 1024

export interface Portion {
  readonly messages: readonly Message[]
  /** Of each message, as Kafka has it: in ms since 1970, below 0 where it has none. */
  readonly times?: readonly number[]
  readonly bytes: number
  /** The offset to go on from behind it. */
  readonly next: number
  /** In place of messages: a record batch that cannot be read. */
  readonly unreadable?: UnreadablePortion
}

/**
 * What one fetch brought of a partition, in portions that are handed over together. A record batch is opened (decompressed) when it
 * is come to, and where it is compressed only when it is asked for: a small fetch may become very large.
 */
export class Portions {
  readonly #fetched: readonly Placed[]
  readonly #from: number
  #index = 0
  #records: Records | undefined
  #ahead: Message | undefined
  #aheadTime = -1
  #unreadable: UnreadablePortion | undefined
  /** Of the compressed batch that is open: the bytes that it has become. */
  openBytes = 0

  /** Messages before the offset `from` are left out: a batch may begin before what was asked for. */
  constructor(fetched: readonly Placed[], from: number) {
    this.#fetched = fetched
    this.#from = from
    this.#advance()
  }

  get isEmpty(): boolean {
    return !this.#hasNext && this.#index === this.#fetched.length
  }

  /** What comes next is in a compressed batch: {@link open} it. */
  get isClosed(): boolean {
    return !this.#hasNext && this.#index < this.#fetched.length
  }

  open(): void {
    this.#openNext()
    this.#advance()
  }

  /** Of at least one message, unless it is empty or closed. */
  take(): Portion {
    if (this.#ahead === undefined && this.#unreadable !== undefined) return this.#takeUnreadable(this.#unreadable)
    const messages: Message[] = []
    const times: number[] = []
    let bytes = 0
    while (this.#ahead !== undefined && messages.length < PORTION_MESSAGES) {
      const size = this.#ahead.value?.length ?? 0
      const isLarge = size >= LARGE_MESSAGE_BYTES
      if (messages.length > 0 && (isLarge || bytes + size > PORTION_BYTES)) break
      messages.push(this.#ahead)
      times.push(this.#aheadTime)
      bytes += size
      this.#ahead = undefined
      this.#advance()
      if (isLarge) break
    }
    return { messages, times, bytes, next: (messages.at(-1)?.offset ?? Number.NaN) + 1 }
  }

  get #hasNext(): boolean {
    return this.#ahead !== undefined || this.#unreadable !== undefined
  }

  #takeUnreadable(unreadable: UnreadablePortion): Portion {
    this.#unreadable = undefined
    this.#advance()
    return { messages: [], bytes: unreadable.stored.length, next: unreadable.last + 1, unreadable }
  }

  /** To the next message that is wanted, or what cannot be read, or before a batch that is closed. */
  #advance(): void {
    while (!this.#hasNext) {
      const record = this.#records?.next()
      if (record !== undefined) {
        if (record.offset >= this.#from) {
          this.#ahead = record
          this.#aheadTime = this.#records?.timeMs ?? -1
        }
        continue
      }
      this.#records = undefined
      this.openBytes = 0
      const fetched = this.#fetched[this.#index]
      if (fetched === undefined) return
      if (fetched instanceof RecordBatch) {
        if (fetched.isLeftOut) {
          this.#index++
          continue
        }
        if (fetched.isCompressed) return
      }
      this.#openNext()
    }
  }

  #openNext(): void {
    const fetched = this.#fetched[this.#index++] as Placed
    if ('problem' in fetched) {
      if (fetched.last >= this.#from) this.#unreadable = fromOffset(fetched, this.#from)
      return
    }
    if (!(fetched instanceof RecordBatch)) {
      const offset = Number(fetched.offset)
      if (offset >= this.#from) {
        this.#ahead = { offset, value: fetched.value }
        this.#aheadTime = timeOf(fetched)
      }
      return
    }
    try {
      this.#records = fetched.records()
      if (fetched.isCompressed) this.openBytes = this.#records.sizeBytes
    } catch (error) {
      if (!(error instanceof UnreadableBatch)) throw error
      this.#unreadable = fromOffset(unreadablePortion(fetched, error), this.#from)
    }
  }
}

/** Of a message that travels alone: the oldest format has no time. */
function timeOf({ timestamp }: { readonly timestamp?: string }): number {
  const time = Number(timestamp ?? -1)
  return Number.isFinite(time) ? time : -1
}

function unreadablePortion(batch: RecordBatch, { message }: UnreadableBatch): UnreadablePortion {
  const { baseOffset, lastOffset, count, codec, stored } = batch
  return { first: baseOffset, last: lastOffset, count, codec, stored, problem: message, isDamaged: false }
}

/** What is before `from` is not wanted. */
function fromOffset(unreadable: UnreadablePortion, from: number): UnreadablePortion {
  const first = Math.max(unreadable.first, from)
  return { ...unreadable, first, count: Math.min(unreadable.count, unreadable.last - first + 1) }
}
