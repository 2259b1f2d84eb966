import kafkajs, { type Admin, type KafkaConfig } from 'kafkajs'
import { explainKafkaError } from '../../kafka/problem.ts'
import { toError } from '../../lib/errors.ts'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { within } from '../../lib/within.ts'

const { Kafka } = kafkajs

const ANSWER_MS = 20_000

/** Asks Kafka questions on connections of its own. One that failed is thrown away, so that the next question meets a fresh one. */
export class KafkaAdmin {
  readonly #kafka: KafkaConfig
  #admin: Promise<Admin> | undefined
  /** When Kafka last answered, as of `steadyNowMs()`. */
  answeredMs = steadyNowMs()

  constructor(kafka: KafkaConfig) {
    this.#kafka = kafka
  }

  /** Rejects with what kafkajs says, or when there is no answer in time. */
  async ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#connect()
    const current = this.#admin
    try {
      const answer = await within(
        current.then(async (admin) => ({ value: await question(admin) })),
        ANSWER_MS,
      )
      if (answer === undefined) throw new Error(`Kafka did not answer within ${ANSWER_MS / 1000} s`)
      this.answeredMs = steadyNowMs()
      return answer.value
    } catch (error) {
      if (this.#admin === current) this.close()
      throw error
    }
  }

  /** Asks each broker of the configuration for itself. Resolves if one lets us in; else rejects with what somebody has to mend, or where that is nothing, with what the last one said. */
  async probe(): Promise<void> {
    const { brokers } = this.#kafka
    const errors: Error[] = []
    for (const broker of typeof brokers === 'function' ? await brokers() : brokers) {
      const admin = new Kafka({ ...this.#kafka, brokers: [broker], retry: { retries: 0 } }).admin()
      try {
        await admin.connect()
        this.answeredMs = steadyNowMs()
        return
      } catch (error) {
        errors.push(toError(error))
      } finally {
        void admin.disconnect().catch(() => {})
      }
    }
    throw errors.find(isForSomebodyToMend) ?? errors.at(-1) ?? new Error('no broker is configured')
  }

  close(): void {
    void this.#admin?.then((admin) => admin.disconnect()).catch(() => {})
    this.#admin = undefined
  }

  async #connect(): Promise<Admin> {
    const admin = new Kafka({ ...this.#kafka, retry: { initialRetryTime: 200, maxRetryTime: 1000, retries: 3 } }).admin()
    await admin.connect()
    return admin
  }
}

/** Whether trying again is of no use: a certificate, a password or a right has to be put in order first. */
export function isForSomebodyToMend(error: unknown): boolean {
  const { kind } = explainKafkaError(error)
  return kind === 'authentication' || kind === 'tls' || kind === 'authorization'
}
