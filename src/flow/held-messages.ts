import type { Ack, Sink } from './contracts.ts'

/** Several hundred messages; a longer one gets a page of its own. */
const PAGE_BYTES = 64 * 1024
/** Pages may hold this many bytes, and twice what is held, before they are packed. */
const LOOSE_BYTES = 4 * 1024 * 1024

/** A message that waits: a place in a page, since a Buffer of its own would be larger than most messages. */
export class HeldMessage {
  readonly ack: Ack
  readonly index: number
  readonly length: number
  /** Where it is to go on to. */
  readonly sinks: readonly Sink[]
  #page: Buffer
  #start: number

  constructor(ack: Ack, index: number, length: number, sinks: readonly Sink[], page: Buffer, start: number) {
    this.ack = ack
    this.index = index
    this.length = length
    this.sinks = sinks
    this.#page = page
    this.#start = start
  }

  get value(): Buffer {
    return this.#page.subarray(this.#start, this.#start + this.length)
  }

  moveTo(page: Buffer, start: number): void {
    page.set(this.value, start)
    this.#page = page
    this.#start = start
  }
}

/**
 * Messages whose app Cloud Controller has not answered for yet, by the app's guid, each in the order it came. They are copies:
 * a view would keep a whole fetch response alive. How many there can be is the input's limit on what is in flight; their memory
 * is at most twice their bytes and a little, whichever of them are released first.
 */
export class HeldMessages {
  #byGuid = new Map<string, HeldMessage[]>()
  #count = 0
  #bytes = 0
  #newest: Ack | undefined
  #page: Buffer = Buffer.alloc(0)
  #pageLength = 0
  /** In pages, those of released messages included, since they were last packed. */
  #pagedBytes = 0

  get count(): number {
    return this.#count
  }

  /** The apps waited for, at most `limit` of them. */
  guids(limit: number): string[] {
    const guids: string[] = []
    for (const guid of this.#byGuid.keys()) {
      if (guids.length >= limit) break
      guids.push(guid)
    }
    return guids
  }

  get guidCount(): number {
    return this.#byGuid.size
  }

  has(guid: string): boolean {
    return this.#byGuid.has(guid)
  }

  /** True for the first message of its app: then it has to be asked for. */
  hold(guid: string, ack: Ack, index: number, value: Uint8Array, sinks: readonly Sink[]): boolean {
    if (this.#newest?.isOpen === false) this.#dropAbandoned()
    this.#newest = ack
    const start = this.#reserve(value.length)
    this.#page.set(value, start)
    const message = new HeldMessage(ack, index, value.length, sinks, this.#page, start)
    this.#count++
    this.#bytes += value.length
    const others = this.#byGuid.get(guid)
    if (others === undefined) this.#byGuid.set(guid, [message])
    else others.push(message)
    return others === undefined
  }

  /** Gives out what waits for `guid`, and forgets it. */
  release(guid: string): readonly HeldMessage[] {
    const messages = this.#byGuid.get(guid) ?? []
    this.#byGuid.delete(guid)
    this.#count -= messages.length
    for (const { length } of messages) this.#bytes -= length
    if (this.#pagedBytes > 2 * this.#bytes + LOOSE_BYTES) this.#pack()
    return messages
  }

  /** Makes room in a page, and returns where it begins. */
  #reserve(length: number): number {
    if (this.#pageLength + length > this.#page.length) {
      this.#page = Buffer.allocUnsafeSlow(Math.max(length, PAGE_BYTES))
      this.#pageLength = 0
    }
    const start = this.#pageLength
    this.#pageLength += length
    this.#pagedBytes += length
    return start
  }

  /** A single message would keep its whole page alive. */
  #pack(): void {
    this.#newPage()
    for (const messages of this.#byGuid.values()) {
      for (const message of messages) {
        const start = this.#reserve(message.length)
        message.moveTo(this.#page, start)
      }
    }
  }

  /** A rebalance abandons all that was handed out before it, and it comes again: what is held of it would be there twice. */
  #dropAbandoned(): void {
    this.#byGuid.clear()
    this.#count = 0
    this.#bytes = 0
    this.#newPage()
  }

  #newPage(): void {
    this.#page = Buffer.alloc(0)
    this.#pageLength = 0
    this.#pagedBytes = 0
  }
}
