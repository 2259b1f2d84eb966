import { pair } from '../../config/ends.ts'
import { canWriteZstd } from '../../kafka/codecs.ts'
import { kafkaConfig } from '../../kafka/connection.ts'
import type { OutputEnd } from '../end.ts'
import { checkKafkaOutput } from './check.ts'
import { KafkaOutput } from './kafka.ts'
import { loopOf } from './loop.ts'
import { MessageEncoder } from './record.ts'
import { CONNECTION, settingsOf, variables } from './variables.ts'

/** A few requests. More would only take memory. */
const BATCH_BYTES = 2 ** 20

/** Documents, or the envelopes as they came, for another Kafka or another topic. */
export const kafka: OutputEnd<typeof variables> = {
  name: 'kafka',
  title: 'Output: kafka',
  variables,
  *mistakes({ values, isSet }, { kafka: read, inputsWithoutEnvelopes }) {
    const { CFMR_KAFKAOUTPUT_TOPIC: topic, CFMR_KAFKAOUTPUT_BROKERS: brokers } = values
    if (!isSet('CFMR_KAFKAOUTPUT_TOPIC')) yield 'CFMR_KAFKAOUTPUT_TOPIC: not set, expected the topic that messages are sent to'
    if (!isSet('CFMR_KAFKAOUTPUT_BROKERS')) {
      for (const name of CONNECTION)
        if (isSet(name)) yield `${name}: found a value without CFMR_KAFKAOUTPUT_BROKERS, expected none: the connection is the input's`
    }
    yield* pair(isSet, 'CFMR_KAFKAOUTPUT_TLSCERT', 'CFMR_KAFKAOUTPUT_TLSKEY')
    yield* pair(isSet, 'CFMR_KAFKAOUTPUT_SASLUSERNAME', 'CFMR_KAFKAOUTPUT_SASLPASSWORD')
    if (values.CFMR_KAFKAOUTPUT_COMPRESSION === 'zstd' && !canWriteZstd) {
      yield `CFMR_KAFKAOUTPUT_COMPRESSION: found "zstd", expected another with Node ${process.version}: only 22.15 and later can write it`
    }
    if (values.CFMR_KAFKAOUTPUT_FORMAT === 'envelope' && inputsWithoutEnvelopes.length > 0) {
      yield `CFMR_KAFKAOUTPUT_FORMAT: found "envelope", expected "document" with ${inputsWithoutEnvelopes.join(' and ')} in CFMR_INPUT: what comes from there is no envelope of Cloud Foundry's that could be passed on`
    }
    const loop = topic === undefined ? undefined : loopOf(topic, brokers, read)
    if (loop !== undefined) {
      yield `CFMR_KAFKAOUTPUT_TOPIC: found ${JSON.stringify(topic)}, expected a topic that is not read on the same brokers (${loop}): messages would go round for ever`
    }
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    const { connection } = settings
    return {
      name: 'kafka',
      settings,
      build: (log) => ({
        output: new KafkaOutput({ ...settings, brokers: connection.brokers, kafka: kafkaConfig({ ...connection, log }), log }),
        encoder: new MessageEncoder(settings),
        // One batch at a time: the order of a key's messages is kept.
        limits: { ...common.batcher, maxBytes: BATCH_BYTES, maxWrites: 1 },
        ack: 'stored',
        spelling: () => ({ documents: true }),
      }),
      check: (log) => checkKafkaOutput(settings, log),
    }
  },
}
