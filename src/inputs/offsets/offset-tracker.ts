import { EventSource } from '../../flow/event-source.ts'
import type { Run } from '../../flow/run.ts'

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
