import { EventSource } from '../../flow/event-source.ts'

/**
 * Messages of one partition that were read together, and which of them are settled. Settling is O(1) a message, and free of
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

/**
 * What may be committed for one partition, from when it is assigned until it is not: the offset behind the longest run of
 * settled messages. Offsets that no message has (compaction, transactions) never hold it up. It never goes back, and never
 * passes a message that is not settled. All offsets are the next one to read, as Kafka counts; exact to 2^53.
 */
export class OffsetTracker {
  readonly topic: string
  readonly partition: number
  /** Of the topic that its positions are in; undefined where Kafka does not tell. */
  topicId: string | undefined
  /** What the topic is in, as far as ids of events tell sources apart by it: the cluster. */
  origin: readonly string[] = []
  #source: EventSource | undefined
  /** Where reading goes on; undefined until it is known where to begin. */
  position: number | undefined
  startedAt: number | undefined
  /** What Kafka has stored, as far as we know. */
  committed: number | undefined
  /** Messages handed over and not settled. */
  inFlight = 0
  /** Behind the last message that was handed over. */
  handedOverTo: number | undefined
  #runs: Run[] = []
  #ready: number | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** What its messages come from. */
  get source(): EventSource {
    this.#source ??= new EventSource(...this.origin, this.topicId ?? this.topic, this.partition)
    return this.#source
  }

  /** Nothing has been read yet: begin at `position`. */
  begin(position: number, committed: number | undefined): void {
    this.position = position
    this.startedAt = position
    this.committed = committed
    this.#ready = committed
  }

  add(run: Run): void {
    this.#runs.push(run)
    this.position = run.next
  }

  /** The position moved to `next` without a message: control records, aborted transactions, deleted messages. */
  skip(next: number): void {
    if (this.position !== undefined && next <= this.position) return
    this.position = next
    const last = this.#runs.at(-1)
    if (last === undefined) this.#ready = next
    else last.next = next
  }

  /** What may be committed; undefined while there is nothing. */
  get ready(): number | undefined {
    const settled = this.#runs.findIndex((run) => !run.isSettled)
    const done = this.#runs.splice(0, settled === -1 ? this.#runs.length : settled)
    this.#ready = this.#runs[0]?.ready ?? done.at(-1)?.next ?? this.#ready
    return this.#ready
  }

  /** What is to be committed; undefined where Kafka has it already. */
  get uncommitted(): number | undefined {
    const ready = this.ready
    return ready === this.committed ? undefined : ready
  }

  /** When the oldest message that is not settled was read, as of `steadyNowMs()`. */
  get oldestUnsettledMs(): number | undefined {
    return this.#runs.find((run) => !run.isSettled)?.readAtMs
  }
}
