import type { Common, ValuesOf } from '../../config/ends.ts'
import { topics } from '../../config/kafka-kinds.ts'
import { boolean, duration, text } from '../../config/kinds.ts'

export const variables = {
  CFMR_KAFKA_TOPICS: topics({
    desc: 'Topics to read. An entry between slashes is a regular expression over topic names (/^log-/); it never matches names that start with __, nor the dead-letter topic. Topics that do not exist yet are read from their oldest message once they appear.',
    otherwise: 'required',
  }),
  CFMR_KAFKA_TOPICREFRESH: duration()({ desc: 'How often to look for new topics and partitions.', default: '1m' }),
  CFMR_KAFKA_CONSUMERGROUP: text({ desc: 'Consumer group; instances of one group share the work.', otherwise: 'required' }),
  CFMR_KAFKA_OFFSETNEWEST: boolean({
    desc: 'Where the group has no committed offset when it first starts: begin at the newest message instead of the oldest. What appears later is read from its oldest message.',
    default: 'false',
  }),
  CFMR_KAFKA_SESSIONTIMEOUT: duration(
    '6s',
    '30m',
  )({
    desc: 'Kafka gives the partitions of an instance that has been silent for this long to others.',
    default: '20s',
  }),
  CFMR_KAFKA_GIVEUP: duration()({ desc: 'How long Kafka may be unreachable before the process ends with status 1.', default: '5m' }),
  CFMR_KAFKA_ZOOKEEPERS: text({ desc: 'Refused: Kafka keeps the offsets itself. Set CFMR_KAFKA_BROKERS instead.' }),
}

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { kafka, limits }: Common) {
  return {
    ...kafka,
    topics: v.CFMR_KAFKA_TOPICS ?? [],
    topicRefreshMs: v.CFMR_KAFKA_TOPICREFRESH,
    consumerGroup: v.CFMR_KAFKA_CONSUMERGROUP ?? '',
    offsetNewest: v.CFMR_KAFKA_OFFSETNEWEST,
    sessionTimeoutMs: v.CFMR_KAFKA_SESSIONTIMEOUT,
    giveUpMs: v.CFMR_KAFKA_GIVEUP,
    limits,
  }
}

export type KafkaInputSettings = ReturnType<typeof settingsOf>
