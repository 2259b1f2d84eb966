import { kafkaConfig } from '../../kafka/connection.ts'
import type { InputEnd } from '../end.ts'
import { checkKafka } from './check.ts'
import { KafkaInput } from './kafka.ts'
import { settingsOf, variables } from './variables.ts'

const NEEDED = [
  ['CFMR_KAFKA_TOPICS', 'a list of topics, or of patterns between slashes'],
  ['CFMR_KAFKA_CONSUMERGROUP', 'the name of a consumer group'],
] as const

/** Envelopes of the firehose in topics, as kafka-firehose-nozzle and others write them. */
export const kafka: InputEnd<typeof variables> = {
  name: 'kafka',
  title: 'Input: kafka',
  acknowledged: true,
  keepsState: false,
  hasEnvelopes: true,
  needsCloudController: true,
  variables,
  *mistakes({ values, isSet }, { kafka: { deadLetterTopic } }) {
    for (const [name, what] of NEEDED) if (!isSet(name)) yield `${name}: not set, expected ${what}`
    if (isSet('CFMR_KAFKA_ZOOKEEPERS')) {
      yield 'CFMR_KAFKA_ZOOKEEPERS: found a value, expected none: Kafka keeps the offsets itself; set CFMR_KAFKA_BROKERS to the host:port list of the brokers instead'
    }
    if (deadLetterTopic !== undefined && values.CFMR_KAFKA_TOPICS?.includes(deadLetterTopic)) {
      yield `CFMR_KAFKA_DEADLETTERTOPIC: found ${JSON.stringify(deadLetterTopic)}, expected a topic that is not among CFMR_KAFKA_TOPICS`
    }
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    const { topics, consumerGroup, limits, ...kafka } = settings
    return {
      name: 'kafka',
      settings,
      build: ({ ledger, log, flushNow, keptBytes, envelopes }) => ({
        input: new KafkaInput({
          ...kafka,
          ...limits,
          kafka: kafkaConfig({ ...kafka, log }),
          groupId: consumerGroup,
          topics: topics.map(String),
          ledger,
          log,
          flushNow,
          keptBytes,
        }),
        translator: envelopes({ httpPeer: 'both', isFirehose: false }),
      }),
      check: (log) => checkKafka({ settings, kafka: kafkaConfig({ ...kafka, log }) }),
    }
  },
}
