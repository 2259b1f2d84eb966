/**
 * Messages of one source that were read together, and which of them are settled. Settling is O(1) a message, and free of
 * garbage while it happens in order. Keeps no message alive.
 */
export class Run {
  count: number
  /** The offset to go on from behind its last message, and behind whatever came after it that is no message. */
  next: number
  readonly readAtMs: number
  readonly #firstOffset: number
  /** Only where offsets have gaps (compaction, transactions). */
  readonly #offsets: Float64Array | undefined
  readonly #times: ArrayLike<number> | undefined
  #settledInOrder = 0
  /** A bit for each message settled out of order. */
  #settled: Uint8Array | undefined

  /** Of at least one message, in ascending order of offset; `times` in ms since 1970, below 0 where a message has none. */
  constructor(messages: readonly { readonly offset: number }[], next: number, readAtMs: number, times?: ArrayLike<number>) {
    this.count = messages.length
    this.next = next
    this.readAtMs = readAtMs
    this.#times = times
    this.#firstOffset = messages[0]?.offset ?? Number.NaN
    const hasGaps = messages[messages.length - 1]?.offset !== this.#firstOffset + messages.length - 1
    if (hasGaps) this.#offsets = Float64Array.from(messages, ({ offset }) => offset)
  }

  /** Of messages that could not be read: their offsets are not known, but that they begin with the first. */
  static unreadable({ first, count }: { readonly first: number; readonly count: number }, next: number, readAtMs: number): Run {
    const run = new Run([{ offset: first }], next, readAtMs)
    run.count = count
    return run
  }

  get isSettled(): boolean {
    return this.#settledInOrder === this.count
  }

  get unsettled(): number {
    let unsettled = this.count - this.#settledInOrder
    if (this.#settled === undefined) return unsettled
    for (let i = this.#settledInOrder; i < this.count; i++) if (((this.#settled[i >> 3] ?? 0) & (1 << (i & 7))) !== 0) unsettled--
    return unsettled
  }

  /** What may be committed as far as these messages are concerned; undefined while the first of them is not settled. */
  get ready(): number | undefined {
    if (this.isSettled) return this.next
    return this.#settledInOrder === 0 ? undefined : this.offsetOf(this.#settledInOrder - 1) + 1
  }

  offsetOf(index: number): number {
    return this.#offsets?.[index] ?? this.#firstOffset + index
  }

  timeOf(index: number): number | undefined {
    const time = this.#times?.[index] ?? -1
    return time < 0 ? undefined : time
  }

  /** Returns how many of them had not been settled before. */
  settle(index: number, count: number): number {
    const end = Math.min(index + count, this.count)
    if (index === this.#settledInOrder && this.#settled === undefined) {
      this.#settledInOrder = end
      return end - index
    }
    this.#settled ??= new Uint8Array((this.count + 7) >> 3)
    const settled = this.#settled
    let fresh = 0
    for (let i = Math.max(index, this.#settledInOrder); i < end; i++) {
      const bit = 1 << (i & 7)
      const byte = settled[i >> 3] ?? 0
      if ((byte & bit) !== 0) continue
      settled[i >> 3] = byte | bit
      fresh++
    }
    while (this.#settledInOrder < this.count && ((settled[this.#settledInOrder >> 3] ?? 0) & (1 << (this.#settledInOrder & 7))) !== 0) {
      this.#settledInOrder++
    }
    return fresh
  }
}
