import kafkajs, { type Admin, type KafkaConfig, type LogEntry } from 'kafkajs'
import { counted, type Finding, type Findings, findingsOf } from '../../check/finding.ts'
import { addressForKafkajs, addressOf } from '../../kafka/address.ts'
import { explainKafkaError, type KafkaProblem } from '../../kafka/problem.ts'
import { within } from '../../lib/within.ts'
import { membershipFinding } from './check-membership.ts'
import { TopicSet } from './topic-set.ts'
import type { KafkaInputSettings } from './variables.ts'

const { ok, warning, failed } = findingsOf('kafka')

const ANSWER_MS = 20_000

export interface CheckKafkaOptions {
  readonly settings: KafkaInputSettings
  /** As the worker connects. */
  readonly kafka: KafkaConfig
}

/** Brokers, group, topics. Joins no group and writes nothing. */
export async function* checkKafka({ settings, kafka }: CheckKafkaOptions): Findings {
  const attempts = await Promise.all(settings.brokers.map((broker) => attempt(kafka, broker)))
  const reached = attempts.filter(({ problem }) => problem === undefined).map(({ broker }) => broker)
  for (const { broker, problem } of attempts) yield brokerFinding(settings, broker, problem, reached.length > 0)
  if (reached.length === 0) return

  const noCoordinator = new CoordinatorErrors()
  const retry = { retries: 3, initialRetryTime: 200, maxRetryTime: 1000 }
  const admin = new kafkajs.Kafka({ ...kafka, ...noCoordinator.logging, brokers: reached.map(addressForKafkajs), retry }).admin()
  try {
    await answer(admin.connect())
    yield* checkCluster(admin, kafka, reached)
    const committed = yield* checkGroup(admin, settings, noCoordinator)
    const { groups } = await answer(admin.listGroups())
    const isKnown = groups.some(({ groupId }) => groupId === settings.consumerGroup)
    const asking = { ...kafka, brokers: reached.map(addressForKafkajs), retry }
    const refused = await membershipFinding({ kafka: asking, settings, isKnown })
    if (refused !== undefined) yield refused
    yield* checkTopics(admin, settings, committed)
  } catch (error) {
    yield failed('answers', explainKafkaError(error).message)
  } finally {
    await within(admin.disconnect(), 2000).catch(() => {})
  }
}

interface Attempt {
  readonly broker: string
  readonly problem: KafkaProblem | undefined
}

/** Connects to one broker alone, login included. */
async function attempt(kafka: KafkaConfig, broker: string): Promise<Attempt> {
  const admin = new kafkajs.Kafka({ ...kafka, brokers: [addressForKafkajs(broker)], retry: { retries: 0 } }).admin()
  try {
    await answer(admin.connect())
    return { broker, problem: undefined }
  } catch (error) {
    return { broker, problem: explainKafkaError(error) }
  } finally {
    void admin.disconnect().catch(() => {})
  }
}

function brokerFinding(settings: KafkaInputSettings, broker: string, problem: KafkaProblem | undefined, isAnyReached: boolean): Finding {
  const how = [settings.ssl ? 'TLS' : 'plain text', settings.saslMechanism ?? 'no login'].join(', ')
  if (problem === undefined) return ok('broker', `broker ${broker} answers (${how})`, { broker })
  const { message, kind } = problem
  return kind === 'unreachable' && isAnyReached
    ? warning('broker', message, { broker, cause: kind })
    : failed('broker', message, { broker, cause: kind })
}

/** Clients go on with the addresses that brokers give for themselves. */
async function* checkCluster(admin: Admin, kafka: KafkaConfig, reached: readonly string[]): Findings {
  const { brokers, clusterId } = await answer(admin.describeCluster())
  const addresses = brokers.map(addressOf)
  const others = addresses.filter((address) => !reached.includes(address))
  const attempts = await Promise.all(others.map((address) => attempt(kafka, address)))
  for (const { broker, problem } of attempts) {
    if (problem === undefined) continue
    const why = `Kafka gives ${broker} as the address of one of its brokers, and that does not work from here: ${problem.message}`
    yield failed('advertised', `${why} (what brokers give is their advertised.listeners)`, { broker, cause: problem.kind })
  }
  if (attempts.every(({ problem }) => problem === undefined)) {
    yield ok('cluster', `cluster ${clusterId}: ${counted(brokers.length, 'broker')}, each reached by the address it gives`, {
      brokers: brokers.length,
    })
  }
}

/** `topic/partition` to the offset committed. */
type Committed = ReadonlyMap<string, number>

/** kafkajs says of every reason that it found no coordinator. The reason itself, that of a right that is missing too, is only in its log. */
class CoordinatorErrors {
  last: unknown
  readonly logging: Pick<KafkaConfig, 'logLevel' | 'logCreator'> = {
    logLevel: kafkajs.logLevel.DEBUG,
    logCreator:
      () =>
      ({ log: { groupId, error } }: LogEntry) => {
        if (groupId !== undefined && error instanceof Error) this.last = error
      },
  }
}

async function* checkGroup(
  admin: Admin,
  { consumerGroup, offsetNewest }: KafkaInputSettings,
  noCoordinator: CoordinatorErrors,
): AsyncGenerator<Finding, Committed> {
  const committed = new Map<string, number>()
  try {
    for (const { topic, partitions } of await answer(admin.fetchOffsets({ groupId: consumerGroup }))) {
      for (const { partition, offset } of partitions) if (Number(offset) >= 0) committed.set(`${topic}/${partition}`, Number(offset))
    }
    const { groups } = await answer(admin.describeGroups([consumerGroup]))
    const { state = 'Unknown', protocolType = '', members = [] } = groups[0] ?? {}
    const figures = { group: consumerGroup, state, members: members.length, committed_partitions: committed.size }
    if (protocolType !== '' && protocolType !== 'consumer') {
      yield failed(
        'group',
        `group ${consumerGroup} belongs to another kind of client (${protocolType}): set CFMR_KAFKA_CONSUMERGROUP to another name`,
        figures,
      )
    } else if (committed.size === 0) {
      yield ok(
        'group',
        `group ${consumerGroup} can be read; it has committed nothing yet, so it begins at the ${offsetNewest ? 'newest' : 'oldest'} messages`,
        figures,
      )
    } else {
      yield ok(
        'group',
        `group ${consumerGroup} can be read: ${counted(members.length, 'member')}, offsets of ${counted(committed.size, 'partition')} committed`,
        figures,
      )
    }
  } catch (error) {
    const { message, kind } = explainKafkaError(noCoordinator.last ?? error)
    yield failed('group', `group ${consumerGroup} cannot be read: ${message}`, { group: consumerGroup, cause: kind })
  }
  return committed
}

async function* checkTopics(admin: Admin, settings: KafkaInputSettings, committed: Committed): Findings {
  const { deadLetterTopic } = settings
  const entries = settings.topics.map(String)
  const existing = await answer(admin.listTopics())
  const { topics, missing } = new TopicSet({ entries, deadLetterTopic }).match(existing)
  for (const topic of missing) {
    const cure = 'create it, look at CFMR_KAFKA_TOPICS, or give this account DESCRIBE on it. The worker would wait for it'
    yield failed('topic', `topic ${topic} is not there, or not to be seen: ${cure}`, { topic })
  }
  for (const entry of entries.filter((entry) => entry.startsWith('/'))) {
    const { length } = new TopicSet({ entries: [entry], deadLetterTopic }).match(existing).topics
    if (length === 0) yield warning('pattern', `no topic matches ${entry} yet (CFMR_KAFKA_TOPICS)`, { pattern: entry })
  }
  if (topics.length === 0 && missing.length === 0) yield failed('topic', 'there is no topic to read: look at CFMR_KAFKA_TOPICS')
  for (const topic of topics) yield await topicFinding(admin, settings, topic, committed)
}

async function topicFinding(admin: Admin, { offsetNewest }: KafkaInputSettings, topic: string, committed: Committed): Promise<Finding> {
  try {
    const partitions = await answer(admin.fetchTopicOffsets(topic))
    const startsAtEnd = offsetNewest && committed.size === 0
    let waiting = 0
    let deleted = 0
    for (const { partition, low, high } of partitions) {
      const start = committed.get(`${topic}/${partition}`) ?? Number(startsAtEnd ? high : low)
      waiting += Math.max(0, Number(high) - Math.max(start, Number(low)))
      deleted += Math.max(0, Number(low) - start)
    }
    const figures = { topic, partitions: partitions.length, waiting, deleted_unread: deleted }
    const text = `topic ${topic}: ${counted(partitions.length, 'partition')}, ${counted(waiting, 'message')} waiting`
    if (deleted === 0) return ok('topic', text, figures)
    return warning(
      'topic',
      `${text}; ${counted(deleted, 'message')} before them were deleted unread: its retention is shorter than this group was away`,
      figures,
    )
  } catch (error) {
    const { message, kind } = explainKafkaError(error)
    return failed('topic', `topic ${topic} cannot be read: ${message}`, { topic, cause: kind })
  }
}

async function answer<T>(asked: Promise<T>): Promise<T> {
  const answered = await within(
    asked.then((value) => ({ value })),
    ANSWER_MS,
  )
  if (answered === undefined) throw Object.assign(new Error(`no answer within ${ANSWER_MS / 1000} s`), { code: 'ETIMEDOUT' })
  return answered.value
}
