import kafkajs, { type ICustomPartitioner, type KafkaConfig, type Message, type Producer } from 'kafkajs'
import type { Logger } from 'pino'
import type { DeadLetter, DeadLetters, Readiness } from '../flow/contracts.ts'
import { kafkaErrorType } from '../kafka/error-type.ts'
import { EVENT_ID_HEADER } from '../kafka/headers.ts'
import { explainKafkaError } from '../kafka/problem.ts'
import { abortable } from '../lib/abortable.ts'
import { backoffMs } from '../lib/backoff.ts'
import { toError } from '../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../lib/limited-log.ts'
import { sleep } from '../lib/sleep.ts'
import { within } from '../lib/within.ts'
import { described } from './logged.ts'

export interface KafkaDeadLettersOptions {
  readonly topic: string
  readonly kafka: KafkaConfig
  readonly log: Logger
}

/** A produce request stays well below the 1 MB that a topic takes by default. */
const MAX_BATCH_BYTES = 512 * 1024
const MAX_BATCH_LETTERS = 1000
const MAX_ERROR_LENGTH = 1000
const RETRIES = { initialMs: 250, maxMs: 10_000, jitter: 0.2 }
const CLOSE_TIMEOUT_MS = 2000
/** A leader that moves, or a broker that restarts, is back by then; what takes longer is somebody's business. */
const ROUTINE_MS = 5000

/**
 * Keeps the original bytes of what can never be written in a topic, with headers that say where they came from and why. Once
 * `send` resolves, every in-sync replica has them; it waits for ever rather than lose one, and repeats rather than be unsure.
 *
 * kafkajs forgets messages when a leader moves during a send to several brokers, so a send here goes to one partition. Which
 * one does not matter: they take turns, so that an unavailable one is left behind at the next try.
 */
export class KafkaDeadLetters implements DeadLetters, Readiness {
  readonly keepsValues = true
  readonly #topic: string
  readonly #producer: Producer
  readonly #log: LimitedLog
  #turn = 0
  #sent = 0
  #waiting = 0
  #failure: string | undefined
  #last: Promise<void> = Promise.resolve()

  constructor({ topic, kafka, log }: KafkaDeadLettersOptions) {
    this.#topic = topic
    this.#log = limitedLog(log, { isByCause: false })
    const client = new kafkajs.Kafka({ ...kafka, retry: { retries: 0 } })
    this.#producer = client.producer({ allowAutoTopicCreation: false, createPartitioner: this.#createPartitioner })
  }

  /** Letters that Kafka has acknowledged. */
  get sent(): number {
    return this.#sent
  }

  readonly notReady = (): readonly string[] => (this.#failure === undefined ? [] : [this.#failure])

  /** One call after the other: while the topic cannot be had, each that waits costs no more than its letters. */
  async send(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void> {
    for (const letter of letters) {
      const { reason, topic, partition, offset, sizeBytes, error } = letter
      const fields = { topic, partition, offset, reason, size_bytes: sizeBytes, error }
      this.#log.warn(reason, fields, `${described(letter)} goes to the dead-letter topic ${this.#topic}`)
    }
    this.#waiting += letters.length
    const sent = this.#last.then(() => this.#keepAll(letters, signal))
    this.#last = sent
      .catch(() => {})
      .finally(() => {
        this.#waiting -= letters.length
      })
    await sent
  }

  async close(): Promise<void> {
    this.#log.flush()
    // kafkajs waits for a broker that is frozen as long as it stays so.
    await within(this.#producer.disconnect(), CLOSE_TIMEOUT_MS)
  }

  async #keepAll(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void> {
    for (const batch of batches(letters.map((letter) => ({ letter, withValue: true })))) await this.#keep(batch, signal)
  }

  async #keep(batch: readonly Entry[], signal: AbortSignal): Promise<void> {
    const startMs = performance.now()
    try {
      for (let retry = 0; ; retry++) {
        signal.throwIfAborted()
        const problem = await this.#trySend(batch, signal)
        if (problem === undefined) break
        if (isTooLarge(problem) && (batch.length > 1 || batch[0]?.withValue)) {
          for (const smaller of reduced(batch)) await this.#keep(smaller, signal)
          return
        }
        this.#report(problem, performance.now() - startMs)
        await sleep(backoffMs(retry, RETRIES), signal)
      }
      this.#sent += batch.length
    } finally {
      this.#failure = undefined
    }
  }

  async #trySend(batch: readonly Entry[], signal: AbortSignal): Promise<Error | undefined> {
    this.#turn += 1
    try {
      await abortable(this.#produce(batch.map(toMessage)), signal)
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      return toError(error)
    }
  }

  async #produce(messages: Message[]): Promise<void> {
    await this.#producer.connect()
    const acknowledged = await this.#producer.send({ topic: this.#topic, messages, acks: -1, timeout: 10_000 })
    if (acknowledged.length !== 1 || acknowledged[0]?.errorCode !== 0) {
      throw new Error(`Kafka acknowledged something else: ${JSON.stringify(acknowledged)}`)
    }
  }

  #report(error: Error, waitedMs: number): void {
    const { kind, message } = explainKafkaError(error)
    const isMissing = isUnknownTopic(error)
    const cause = isMissing ? 'the topic does not exist: create it, or look at CFMR_KAFKA_DEADLETTERTOPIC' : message
    const fields = { topic: this.#topic, letters: this.#waiting, cause: kind, waited_seconds: Math.round(waitedMs / 1000) }
    const mayPass = !isMissing && (kind === 'unreachable' || kind === 'other')
    if (mayPass && waitedMs < ROUTINE_MS) {
      this.#log.warn('retry', fields, `dead letters are sent again: ${cause}`)
      return
    }
    this.#failure = `${this.#waiting} dead letters wait for the topic ${this.#topic}: ${cause}`
    const text = `dead letters cannot be kept: ${cause}. Their sources stay uncommitted and nothing is lost; tried again until it works`
    this.#log.error('wait', fields, text)
  }

  /** All messages of one send get the same answer: kafkajs asks for each of them in one go. */
  readonly #createPartitioner: ICustomPartitioner = () => {
    return ({ partitionMetadata }) => {
      const led = partitionMetadata.filter(({ leader }) => leader >= 0)
      const candidates = led.length > 0 ? led : partitionMetadata
      return candidates[this.#turn % candidates.length]?.partitionId ?? 0
    }
  }
}

interface Entry {
  readonly letter: DeadLetter
  /** False where the topic does not take a message of this size. */
  readonly withValue: boolean
}

function batches(entries: readonly Entry[]): Entry[][] {
  const all: Entry[][] = []
  let open: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    const size = (entry.letter.value?.length ?? 0) + Math.min(entry.letter.error.length, MAX_ERROR_LENGTH) + 300
    if (open.length > 0 && (bytes + size > MAX_BATCH_BYTES || open.length === MAX_BATCH_LETTERS)) {
      all.push(open)
      open = []
      bytes = 0
    }
    open.push(entry)
    bytes += size
  }
  if (open.length > 0) all.push(open)
  return all
}

/** Two halves, or the one letter without its value. */
function reduced(batch: readonly Entry[]): readonly (readonly Entry[])[] {
  if (batch.length === 1) return [batch.map(({ letter }) => ({ letter, withValue: false }))]
  const middle = Math.ceil(batch.length / 2)
  return [batch.slice(0, middle), batch.slice(middle)]
}

function toMessage({ letter, withValue }: Entry): Message {
  const { value, sizeBytes } = letter
  return {
    // A compacted topic takes none without a key, and keeps each of different keys.
    key: [letter.topic, letter.partition, letter.offset, ...(letter.output === undefined ? [] : [letter.output])].join('/'),
    value: value !== undefined && withValue ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : null,
    headers: {
      'cfmr-reason': letter.reason,
      'cfmr-error': letter.error.slice(0, MAX_ERROR_LENGTH),
      'cfmr-topic': letter.topic,
      'cfmr-partition': String(letter.partition),
      'cfmr-offset': letter.offset,
      ...(letter.eventId !== undefined && { [EVENT_ID_HEADER]: letter.eventId }),
      ...(letter.batch !== undefined && { 'cfmr-codec': letter.batch.codec }),
      ...(letter.output !== undefined && { 'cfmr-output': letter.output }),
      ...(!withValue && { 'cfmr-value-bytes': String(sizeBytes) }),
    },
  }
}

const isTooLarge = (error: Error) => ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'].includes(kafkaErrorType(error) ?? '')
const isUnknownTopic = (error: Error) => kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION'
