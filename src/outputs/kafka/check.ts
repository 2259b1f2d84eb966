import kafkajs from 'kafkajs'
import type { Logger } from 'pino'
import { type Findings, findingsOf } from '../../check/finding.ts'
import { kafkaConfig } from '../../kafka/connection.ts'
import { kafkaErrorType } from '../../kafka/error-type.ts'
import { explainKafkaError } from '../../kafka/problem.ts'
import { PLACEHOLDER } from '../name-template.ts'
import type { KafkaOutputSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('kafkaoutput')

/** The brokers, and whether the topic is there. Nothing is sent: whether the account may write shows with the first message. */
export async function* checkKafkaOutput({ connection, topic }: KafkaOutputSettings, log: Logger): Findings {
  const admin = new kafkajs.Kafka({ ...kafkaConfig({ ...connection, log }), retry: { retries: 1 } }).admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    yield ok('answers', `${connection.brokers.join(', ')} answers: a cluster of ${brokers.length}`, { brokers: brokers.length })
    if (topic.replace(PLACEHOLDER, '') !== topic) {
      const topics = await admin.listTopics()
      const pattern = new RegExp(`^${topic.replace(PLACEHOLDER, '\0').replace(/[.]/g, '\\.').replaceAll('\0', '.+')}$`)
      const there = topics.filter((name) => pattern.test(name)).length
      if (there > 0) yield ok('topic', `topics that fit ${topic}: ${there}`, { topics: there })
      else yield warning('topic', `no topic fits ${topic} yet: what belongs to one that is missing is held`)
      return
    }
    yield* checkTopic(admin, topic)
  } catch (error) {
    yield failed('answers', explainKafkaError(error).message)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

async function* checkTopic(admin: kafkajs.Admin, topic: string): Findings {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const partitions = topics[0]?.partitions ?? []
    const thin = partitions.filter(({ replicas }) => replicas.length < 2).length
    yield ok('topic', `topic ${topic} is there`, { partitions: partitions.length })
    if (thin > 0)
      yield warning('replicas', `topic ${topic} has partitions with a single replica: what is stored there is lost with its broker`)
  } catch (error) {
    if (kafkaErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
    yield failed('topic', `topic ${topic} does not exist: create it, or look at CFMR_KAFKAOUTPUT_TOPIC`)
  }
}
