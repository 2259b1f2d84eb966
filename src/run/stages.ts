import type { Logger } from 'pino'
import type { App } from '../cloud-foundry/app.ts'
import { Decoder, GROUP_MESSAGES } from '../cloud-foundry/decode/decoder.ts'
import { CloudController } from '../cloud-foundry/enricher/cloud-controller.ts'
import { CloudControllerV2 } from '../cloud-foundry/enricher/cloud-controller-v2.ts'
import { Enricher } from '../cloud-foundry/enricher/enricher.ts'
import { FileSource } from '../cloud-foundry/enricher/file.ts'
import type { MetadataSource } from '../cloud-foundry/metadata.ts'
import { CloudFoundryTranslator, type EventEncoder } from '../cloud-foundry/translator.ts'
import type { Config } from '../config/config.ts'
import { KafkaDeadLetters } from '../dead-letters/kafka.ts'
import { LoggedDeadLetters } from '../dead-letters/logged.ts'
import type { DeadLetters, Input, InputStats, Output, OutputStats, Readiness } from '../flow/contracts.ts'
import { Lane } from '../flow/lane.ts'
import { Pipeline } from '../flow/pipeline.ts'
import { type KafkaConnectionOptions, kafkaConfig } from '../kafka/connection.ts'
import { InfluxDb } from '../outputs/influxdb/influxdb.ts'
import { LineEncoder } from '../outputs/influxdb/line-encoder.ts'
import { StdoutOutput } from '../outputs/stdout/stdout.ts'

/** All that is between the configuration and the flow. */
export interface Stages {
  readonly input: Input & InputStats
  readonly enricher: Enricher
  readonly encoder: LineEncoder
  readonly output: Output & OutputStats
  readonly deadLetters: DeadLetters & Readiness
  readonly translator: CloudFoundryTranslator
  readonly lane: Lane<EventEncoder>
  readonly pipeline: Pipeline<App, EventEncoder>
}

export interface StageOptions {
  readonly config: Config
  readonly log: Logger
  readonly input: Input & InputStats
  readonly deadLetters: DeadLetters & Readiness
}

/** Connects to nothing yet. */
export function buildStages({ config, log, input, deadLetters }: StageOptions): Stages {
  const { metadata, batcher, influxdb } = config
  const output = buildOutput(config, log)
  // What the server says of itself at the start is known before the first app is.
  const backslash = () => (output instanceof InfluxDb ? output.backslash : 'literal')
  const enricher = new Enricher({ source: metadataSource(config, log), ...metadata, spelling: () => ({ backslash: backslash() }), log })
  const encoder = new LineEncoder({ uniqueTimestamps: influxdb.uniqueTimestamps, backslash })
  const { notFound } = metadata
  const { maxWrites } = influxdb
  const decoder = new Decoder()
  const translator = new CloudFoundryTranslator({
    decoder,
    apps: enricher,
    notFound,
    httpPeer: config.httpPeer,
    groupMessages: GROUP_MESSAGES,
  })
  const lane = new Lane<EventEncoder>({
    name: config.output,
    encoder,
    output,
    deadLetters,
    speaksForAll: true,
    limits: { ...batcher, maxWrites },
  })
  const pipeline = new Pipeline({ input, translator, lanes: [lane] })
  return { input, enricher, encoder, output, deadLetters, translator, lane, pipeline }
}

export function kafkaConnection({ kafka }: Config, log: Logger): KafkaConnectionOptions {
  return { ...kafka, log }
}

export function buildDeadLetters(config: Config, log: Logger): DeadLetters & Readiness {
  const topic = config.kafka.deadLetterTopic
  if (topic === undefined) return new LoggedDeadLetters({ log })
  return new KafkaDeadLetters({ topic, kafka: kafkaConfig(kafkaConnection(config, log)), log })
}

export function metadataSource({ cf, secrets }: Config, log: Logger): MetadataSource {
  if (cf.file !== undefined) return new FileSource(cf.file)
  return cf.apiVersion === 'v2' ? new CloudControllerV2({ ...cf, secrets, log }) : new CloudController({ ...cf, secrets, log })
}

function buildOutput({ output, influxdb, batcher }: Config, log: Logger): Output & OutputStats {
  if (output === 'stdout') return new StdoutOutput()
  return new InfluxDb({ url: influxdb.addr, ...influxdb, flushRetries: batcher.flushRetries, log })
}
