import { type Kafka, Partitioners, type Producer } from 'kafkajs'
import { sleep } from '../../src/lib/sleep.ts'
import type { Kind, Mix } from './mix.ts'

export interface LoadOptions {
  readonly kafka: Kafka
  readonly topics: readonly { readonly topic: string; readonly partitions: number }[]
  readonly mix: Pick<Mix, 'envelope' | 'kind'>
  /** Envelopes a second, all topics together; as fast as it goes where it is left out. */
  readonly perSecond?: number
  /** Number of the first envelope. */
  readonly from?: number
  /** How many to send; without it, until `stop` is called. */
  readonly count?: number
}

/**
 * Sends envelopes and counts what Kafka has acknowledged (acks -1, so that what is counted is there). What was not is
 * sent again with the same bytes until it is: an outage leaves no hole, at worst a second copy.
 * Each send goes to one partition: kafkajs loses messages silently where a leader moves during a send over several brokers.
 */
export class Load {
  /** Acknowledged, by the measurement they go to. */
  readonly sent: Record<Kind, number> = { http_request: 0, log: 0, instance: 0, discarded: 0 }
  /** Sends that had to be tried again. */
  retries = 0
  /** Resolves when all is sent and acknowledged, or after `stop`. */
  readonly done: Promise<void>
  readonly #options: LoadOptions
  readonly #producer: Producer
  readonly #stop = new AbortController()
  #next: number
  #startMs = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#next = options.from ?? 0
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
    })
    this.done = this.#run()
  }

  get sentCount(): number {
    return this.sent.http_request + this.sent.log + this.sent.instance + this.sent.discarded
  }

  /** Those of which a point must be stored. */
  get pointCount(): number {
    return this.sentCount - this.sent.discarded
  }

  /** Takes no new envelopes, waits for the acknowledgement of those under way. */
  stop(): Promise<void> {
    this.#stop.abort()
    return this.done
  }

  async #run(): Promise<void> {
    await this.#retried(() => this.#producer.connect())
    this.#startMs = performance.now()
    const partitions = this.#options.topics.flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    )
    try {
      await Promise.all(partitions.map(({ topic, partition }) => this.#fill(topic, partition)))
    } finally {
      await this.#producer.disconnect()
    }
  }

  /** One partition's loop: takes the next numbers that are due, has them acknowledged. */
  async #fill(topic: string, partition: number): Promise<void> {
    const { from = 0, count = Number.POSITIVE_INFINITY, perSecond = Number.POSITIVE_INFINITY, mix } = this.#options
    while (!this.#stop.signal.aborted && this.#next < from + count) {
      const due = Math.min(count, ((performance.now() - this.#startMs) / 1000) * perSecond)
      const first = this.#next
      const end = Math.min(first + maxSendMessages, Math.floor(from + due))
      if (end <= first) {
        await sleep(20, this.#stop.signal)
        continue
      }
      this.#next = end
      const messages = Array.from({ length: end - first }, (_, index) => ({ value: mix.envelope(first + index), partition }))
      await this.#retried(() => this.#producer.send({ topic, messages, acks: -1, timeout: 10_000 }))
      for (let number = first; number < end; number++) this.sent[mix.kind(number)]++
    }
  }

  /** A number once taken is sent, stop or not: what is under way has to be known. */
  async #retried(attempt: () => Promise<unknown>): Promise<void> {
    const deadline = performance.now() + giveUpMs
    for (;;) {
      try {
        await attempt()
        return
      } catch (error) {
        if (performance.now() > deadline)
          throw new Error('The load generator gave up on Kafka: what it had under way may or may not be there', { cause: error })
        this.retries++
        await sleep(200)
      }
    }
  }
}

const maxSendMessages = 1000
const giveUpMs = 300_000
