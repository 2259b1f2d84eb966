import kafkajs, { type Admin, type CompressionTypes, type KafkaConfig, type Producer } from 'kafkajs'
import type { Output, Records, UnstoredRecord } from '../../flow/contracts.ts'
import { registerCodecs } from '../../kafka/codecs.ts'
import { kafkaErrorType } from '../../kafka/error-type.ts'
import { partitionForKey } from '../../kafka/partition-for-key.ts'
import { explainKafkaError } from '../../kafka/problem.ts'
import { abortable } from '../../lib/abortable.ts'
import { toError } from '../../lib/errors.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { within } from '../../lib/within.ts'
import { type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { ReadyBatch, sendReadyBatches } from './produce-request.ts'
import { recordBatch, recordBytes } from './produced-batch.ts'
import { type Outgoing, type OutgoingMessage, outgoing } from './record.ts'

export interface KafkaOutputOptions extends RetryingOptions {
  readonly kafka: KafkaConfig
  /** For the log. */
  readonly brokers: readonly string[]
  readonly compression: CompressionTypes
  /** For one request. */
  readonly timeoutMs: number
}

/** A produce request stays well below the 1 MB that a topic takes by default. */
const MAX_REQUEST_BYTES = 256 * 1024
const MAX_REQUEST_MESSAGES = 2000
/** How long a topic is believed to have as many partitions as it had. */
const METADATA_MS = 60_000
const CLOSE_TIMEOUT_MS = 2000

/** What is wrong with a message or a request alone, however often it is sent. */
const REFUSED = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD'])
/** What concerns one topic, until somebody acts. */
const OF_TOPIC = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED', 'INVALID_TOPIC_EXCEPTION', 'POLICY_VIOLATION'])

type Sent = 'stored' | { readonly refused: string } | { readonly held: string } | { readonly failed: Error }

interface Topic {
  readonly partitions: number
  readonly knownMs: number
}

/**
 * Messages to Kafka, acknowledged by all in-sync replicas. One request goes to one partition, and the next to it only when that is
 * answered: kafkajs loses messages where a leader moves during a send to several, and order is kept for each key.
 */
export class KafkaOutput extends RetryingOutput implements Output {
  readonly #options: KafkaOutputOptions
  readonly #producer: Producer
  readonly #admin: Admin
  readonly #topics = new Map<string, Topic>()
  #turn = 0

  constructor(options: KafkaOutputOptions) {
    super(options, {
      name: `Kafka at ${options.brokers.join(', ')}`,
      addressVariable: 'CFMR_KAFKAOUTPUT_BROKERS',
      startTimeoutVariable: 'CFMR_KAFKAOUTPUT_STARTTIMEOUT',
    })
    this.#options = options
    registerCodecs()
    sendReadyBatches()
    const client = new kafkajs.Kafka({ ...options.kafka, retry: { retries: 0 } })
    this.#producer = client.producer({
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    })
    this.#admin = client.admin()
  }

  async write(records: Records, signal: AbortSignal): Promise<readonly UnstoredRecord[]> {
    this.inFlight++
    try {
      const all = outgoing(records)
      const unstored: UnstoredRecord[] = []
      for (let waiting = all.messages.map((_, record) => record), failures = 0; waiting.length > 0; ) {
        const failed: number[] = []
        let failure: Error | undefined
        const outcomes = await this.#sendByPartition(all, waiting, signal)
        for (const [numbers, sent] of outcomes) {
          if (sent === 'stored') continue
          if ('failed' in sent) {
            failure ??= sent.failed
            failed.push(...numbers)
          } else if ('refused' in sent) unstored.push(...numbers.map((record) => ({ record, reason: sent.refused })))
          else unstored.push(...numbers.map((record) => ({ record, reason: sent.held, isHeld: true })))
        }
        waiting = failed.sort((a, b) => a - b)
        if (failure === undefined) break
        if (failed.length < records.count) failures = 0
        this.#topics.clear()
        await this.waitToRetry(failures++, failureOf(failure), signal)
      }
      this.batches++
      return unstored.sort((a, b) => a.record - b.record)
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.limitedLog.flush()
    await within(Promise.all([this.#producer.disconnect(), this.#admin.disconnect()]), CLOSE_TIMEOUT_MS)
  }

  protected async ping(signal: AbortSignal): Promise<string | undefined> {
    try {
      await abortable(this.#admin.connect(), signal)
      await abortable(this.#producer.connect(), signal)
      await abortable(this.#admin.describeCluster(), signal)
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      return explainKafkaError(error).message
    }
  }

  /** Partitions at the same time, each of them request by request. */
  async #sendByPartition(
    all: Outgoing,
    numbers: readonly number[],
    signal: AbortSignal,
  ): Promise<readonly (readonly [readonly number[], Sent])[]> {
    const { bytes, messages } = all
    const outcomes: (readonly [readonly number[], Sent])[] = []
    const byTopic = grouped(numbers, messages)
    const sending: Promise<void>[] = []
    for (const [topic, ofTopic] of byTopic) {
      const partitions = await this.#partitionsOf(topic, signal)
      if (typeof partitions !== 'number') {
        outcomes.push([ofTopic, partitions])
        continue
      }
      const byPartition = new Map<number, number[]>()
      for (const number of ofTopic) {
        const { keyAt, keyLength, headersAt } = messages[number] as OutgoingMessage
        const partition = keyLength < 0 ? this.#turn++ % partitions : partitionForKey(bytes.subarray(keyAt, headersAt), partitions)
        const others = byPartition.get(partition)
        if (others === undefined) byPartition.set(partition, [number])
        else others.push(number)
      }
      for (const [partition, ofPartition] of byPartition) sending.push(this.#sendAll(topic, partition, all, ofPartition, outcomes, signal))
    }
    await Promise.all(sending)
    return outcomes
  }

  async #sendAll(
    topic: string,
    partition: number,
    all: Outgoing,
    numbers: readonly number[],
    outcomes: (readonly [readonly number[], Sent])[],
    signal: AbortSignal,
  ): Promise<void> {
    const parts = partsOf(numbers, all.messages).reverse()
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const sent = await this.#send(topic, partition, all, part, signal)
      if (sent !== 'stored' && 'refused' in sent && part.length > 1) {
        const middle = Math.ceil(part.length / 2)
        parts.push(part.slice(middle), part.slice(0, middle))
        continue
      }
      outcomes.push([part, sent])
      // What follows would overtake it.
      if (sent !== 'stored' && 'failed' in sent) {
        for (const rest of parts) outcomes.push([rest, sent])
        return
      }
    }
  }

  async #send(topic: string, partition: number, all: Outgoing, numbers: readonly number[], signal: AbortSignal): Promise<Sent> {
    const { compression, timeoutMs } = this.#options
    const startMs = performance.now()
    try {
      const messages = [new ReadyBatch(await recordBatch(all, numbers, compression), partition)]
      await this.#producer.connect()
      const send = () => this.#producer.send({ topic, messages, acks: -1, timeout: timeoutMs })
      const acknowledged = await this.waitFor(() => abortable(send(), signal))
      if (acknowledged.length !== 1 || acknowledged[0]?.errorCode !== 0) {
        return { failed: new Error(`Kafka acknowledged something else: ${JSON.stringify(acknowledged)}`) }
      }
    } catch (error) {
      signal.throwIfAborted()
      return this.#judge(topic, error)
    }
    this.works()
    const bytes = numbers.reduce((sum, number) => sum + valueBytes(all.messages[number] as OutgoingMessage), 0)
    this.countStored(numbers.length, bytes, (performance.now() - startMs) / 1000)
    return 'stored'
  }

  /** How many partitions a topic has, or why that cannot be said. */
  async #partitionsOf(topic: string, signal: AbortSignal): Promise<number | Exclude<Sent, 'stored'>> {
    const known = this.#topics.get(topic)
    if (known !== undefined && steadyNowMs() - known.knownMs < METADATA_MS) return known.partitions
    try {
      await abortable(this.#admin.connect(), signal)
      const { topics } = await abortable(this.#admin.fetchTopicMetadata({ topics: [topic] }), signal)
      const partitions = topics[0]?.partitions.length ?? 0
      if (partitions === 0) return this.#hold(topic, 'the topic does not exist')
      this.#topics.set(topic, { partitions, knownMs: steadyNowMs() })
      return partitions
    } catch (error) {
      signal.throwIfAborted()
      return this.#judge(topic, error)
    }
  }

  #judge(topic: string, thrown: unknown): Exclude<Sent, 'stored'> {
    const type = kafkaErrorType(thrown) ?? ''
    const { message } = explainKafkaError(thrown)
    if (REFUSED.has(type)) return { refused: `${type}: ${message}` }
    if (OF_TOPIC.has(type)) return this.#hold(topic, type === 'UNKNOWN_TOPIC_OR_PARTITION' ? 'the topic does not exist' : message)
    return { failed: toError(thrown) }
  }

  #hold(topic: string, reason: string): { readonly held: string } {
    this.#topics.delete(topic)
    this.lastError = `${topic}: ${reason}`
    this.limitedLog.error(
      `held ${topic}`,
      { topic, error: reason },
      `${this.destination} takes no messages for a topic; nothing is lost: they are held and sent again, all others go on. Create the topic, or give the account WRITE on it`,
    )
    return { held: reason }
  }
}

function grouped(numbers: readonly number[], messages: readonly OutgoingMessage[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const number of numbers) {
    const { topic } = messages[number] as OutgoingMessage
    const others = groups.get(topic)
    if (others === undefined) groups.set(topic, [number])
    else others.push(number)
  }
  return groups
}

/** What goes into a request each. */
function partsOf(numbers: readonly number[], messages: readonly OutgoingMessage[]): number[][] {
  const parts: number[][] = []
  let open: number[] = []
  let bytes = 0
  for (const number of numbers) {
    const size = recordBytes(messages[number] as OutgoingMessage)
    if (open.length > 0 && (bytes + size > MAX_REQUEST_BYTES || open.length === MAX_REQUEST_MESSAGES)) {
      parts.push(open)
      open = []
      bytes = 0
    }
    open.push(number)
    bytes += size
  }
  if (open.length > 0) parts.push(open)
  return parts
}

function valueBytes({ valueAt, end }: OutgoingMessage): number {
  return end - valueAt
}

function failureOf(error: Error) {
  const { message, kind } = explainKafkaError(error)
  const needsSomebody = kind === 'authentication' || kind === 'tls' || kind === 'authorization'
  return { reason: message, error, ...(needsSomebody && { variable: 'CFMR_KAFKAOUTPUT_SASLUSERNAME and its sisters' }) }
}
