import kafkajs, { type Admin, type Kafka, type Producer } from 'kafkajs'
import { pino } from 'pino'
import { onTestFailed } from 'vitest'
import type { Delivery } from '../../src/flow/contracts.ts'
import { Ledger } from '../../src/flow/ledger.ts'
import { KafkaInput } from '../../src/inputs/kafka/kafka.ts'
import type { KafkaInputOptions } from '../../src/inputs/kafka/kafka-input-options.ts'
import type { RecordBatch } from '../../src/inputs/kafka/record-batch.ts'
import { keepRecordBatchesWhole } from '../../src/inputs/kafka/whole-batches.ts'
import { kafkaConfig } from '../../src/kafka/connection.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { withBroker } from '../support/kafka-broker.ts'

export interface Received {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly value: string | undefined
}

export interface ReaderOptions extends Partial<KafkaInputOptions> {
  readonly brokers: readonly string[]
  readonly groupId: string
  readonly topics: readonly string[]
  /** What to do with a delivery; by default everything in it is written at once. */
  readonly take?: (delivery: Delivery) => void | Promise<void>
}

/** An input, and somebody who reads it. */
export class Reader {
  readonly ledger = new Ledger()
  readonly logged: Record<string, unknown>[] = []
  readonly received: Received[] = []
  readonly input: KafkaInput
  /** What is done with deliveries from now on. */
  take: NonNullable<ReaderOptions['take']>
  flushes = 0
  failure: Error | undefined
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor({ brokers, take = settleAll, ...options }: ReaderOptions) {
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.logged.push(JSON.parse(line)) })
    this.input = new KafkaInput({
      kafka: kafkaConfig({ brokers, clientId: 'test', ssl: false, log }),
      topicRefreshMs: 60_000,
      offsetNewest: false,
      processingTimeoutMs: 8000,
      sessionTimeoutMs: 6000,
      giveUpMs: 60_000,
      maxInFlight: 100_000,
      maxInFlightBytes: 32 * 1024 * 1024,
      ledger: this.ledger,
      log,
      flushNow: () => void this.flushes++,
      ...options,
    })
    this.take = take
    open.add(this)
    onTestFailed(() => this.#report())
    this.#done = this.#read().catch((error) => {
      this.failure = error
    })
  }

  async #read(): Promise<void> {
    for await (const delivery of this.input.read(this.#stop.signal)) {
      const { topic, partition } = delivery.ack
      for (const { offset, value } of delivery.messages) {
        this.received.push({ topic, partition, offset, value: value?.toString() })
      }
      await this.take(delivery)
    }
  }

  /** What it went through: why it waited in vain is seldom in the test's own words. */
  #report(): void {
    console.error('reader', { received: this.received.length, failure: this.failure, notReady: this.input.notReady() })
    console.error(this.input.partitions())
    for (const { time, level: _, pid: __, hostname: ___, msg, ...fields } of this.logged.slice(-80)) {
      console.error(new Date(Number(time)).toISOString(), msg, JSON.stringify(fields))
    }
  }

  get values(): (string | undefined)[] {
    return this.received.map(({ value }) => value)
  }

  get joins(): number {
    return this.logged.filter(({ msg }) => msg === 'joined the group').length
  }

  get lag(): number {
    return this.input.partitions().reduce((sum, { lag = Number.NaN }) => sum + lag, 0)
  }

  get residue(): number {
    return this.ledger.residue(this.input.inFlight)
  }

  lines(text: string): Record<string, unknown>[] {
    return this.logged.filter(({ msg }) => String(msg).includes(text))
  }

  /** When the reading has ended by itself. */
  get done(): Promise<void> {
    return this.#done
  }

  async close(ms = 8000): Promise<number> {
    open.delete(this)
    this.#stop.abort()
    await this.#done
    const left = await this.input.close(Date.now() + ms)
    return left.reduce((sum, { count }) => sum + count, 0)
  }
}

const open = new Set<Reader>()

/** For the end of a test that failed half way. */
export async function closeReaders(): Promise<void> {
  await Promise.all([...open].map((reader) => reader.close(1500)))
}

export function settleAll({ messages, ack }: Delivery): void {
  ack.settle('written', 0, messages.length)
}

/** A condition that throws does not hold yet. */
export async function until(what: string, condition: () => unknown, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms
  let failure: unknown
  const holds = async () => {
    try {
      return await condition()
    } catch (error) {
      failure = error
      return false
    }
  }
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain until ${what}`, { cause: failure })
    await sleep(50)
  }
}

/** The other side: whoever makes topics and fills them. */
export class Platform {
  readonly kafka: Kafka
  readonly admin: Admin
  readonly producer: Producer

  private constructor(brokers: readonly string[]) {
    this.kafka = new kafkajs.Kafka({
      brokers: [...brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 20, maxRetryTime: 1000 },
    })
    this.admin = this.kafka.admin()
    this.producer = this.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  }

  static async connect(brokers: readonly string[]): Promise<Platform> {
    const platform = new Platform(brokers)
    await platform.admin.connect()
    await platform.producer.connect()
    return platform
  }

  async createTopic(topic: string, numPartitions = 1, config: Readonly<Record<string, string | number>> = {}): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value: String(value) }))
    await this.admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] })
    // The answer comes before each broker knows.
    await until(`${topic} is there`, async () => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.length === numPartitions && topics[0].partitions.every(({ leader }) => leader >= 0)
    })
  }

  /** One partition per request: kafkajs's producer can lose what it sends to several when a leader moves. */
  async send(topic: string, values: readonly (string | null)[], partition = 0): Promise<void> {
    await this.producer.send({ topic, acks: -1, messages: values.map((value) => ({ partition, value })) })
  }

  async committed(groupId: string, topic: string): Promise<number[]> {
    const [offsets] = await this.admin.fetchOffsets({ groupId, topics: [topic] })
    return (offsets?.partitions ?? []).sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset))
  }

  async ends(topic: string): Promise<number[]> {
    const offsets = await this.admin.fetchTopicOffsets(topic)
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high))
  }

  /** What Kafka answers to who asks for what is at `offset` of the first partition. */
  async fetch(topic: string, offset: number): Promise<RecordBatch[]> {
    keepRecordBatchesWhole()
    const maxBytes = 2 ** 20
    const topics = [{ topic, partitions: [{ partition: 0, fetchOffset: String(offset), maxBytes }] }]
    const request = { maxWaitTime: 100, minBytes: 1, maxBytes, isolationLevel: 1, topics, rackId: '' }
    const { responses } = await withBroker(this.kafka, topic, (broker) => broker.fetch(request))
    return responses[0].partitions[0].messages
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()])
  }
}

/** `from` to before `to`, as texts. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => String(from + index))
}
