import kafkajs, { type KafkaConfig } from 'kafkajs'
import { type Findings, findingsOf } from '../check/finding.ts'
import { explainKafkaError } from '../kafka/problem.ts'

const { ok, failed } = findingsOf('kafka')

export interface CheckDeadLettersOptions {
  /** Undefined where letters are only logged. */
  readonly topic: string | undefined
  /** As the worker connects. */
  readonly kafka: KafkaConfig
}

/** Whether what cannot be written would be kept. */
export async function* checkDeadLetters({ topic, kafka }: CheckDeadLettersOptions): Findings {
  if (topic === undefined) {
    yield ok(
      'dead_letters',
      'no dead-letter topic: what cannot be written is named in the log, and its content is lost (CFMR_KAFKA_DEADLETTERTOPIC keeps it)',
    )
    return
  }
  const admin = new kafkajs.Kafka({ ...kafka, retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 1000 } }).admin()
  try {
    await admin.connect()
    if ((await admin.listTopics()).includes(topic)) yield ok('dead_letters', `dead-letter topic ${topic} is there`, { topic })
    else {
      const cure = 'create it, or look at CFMR_KAFKA_DEADLETTERTOPIC: the first message that cannot be written would hold its partition up'
      yield failed('dead_letters', `dead-letter topic ${topic} is not there, or not to be seen: ${cure}`, { topic })
    }
  } catch (error) {
    const { message, kind } = explainKafkaError(error)
    yield failed('dead_letters', `dead-letter topic ${topic} cannot be looked for: ${message}`, { topic, cause: kind })
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
