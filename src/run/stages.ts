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
import type { DeadLetters, Input, InputStats, Readiness } from '../flow/contracts.ts'
import { Lane } from '../flow/lane.ts'
import { Pipeline } from '../flow/pipeline.ts'
import { type KafkaConnectionOptions, kafkaConfig } from '../kafka/connection.ts'
import type { BuiltOutput } from '../outputs/end.ts'

/** An output with the lane that leads to it. */
export interface OutputStage extends BuiltOutput {
  readonly name: string
  readonly lane: Lane<EventEncoder>
}

/** All that is between the configuration and the flow. */
export interface Stages {
  readonly input: Input & InputStats
  readonly enricher: Enricher
  /** As they are chosen: the first speaks for all. */
  readonly outputs: readonly OutputStage[]
  readonly deadLetters: DeadLetters & Readiness
  readonly translator: CloudFoundryTranslator
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
  const { metadata, httpPeer } = config
  const outputs = config.outputs.map(({ name, build }, index): OutputStage => {
    const built = build(log)
    const { encoder, output, limits } = built
    return { ...built, name, lane: new Lane<EventEncoder>({ name, encoder, output, deadLetters, speaksForAll: index === 0, limits }) }
  })
  const spelling = () => Object.assign({}, ...outputs.map((output) => output.spelling?.()))
  const enricher = new Enricher({ source: metadataSource(config, log), ...metadata, spelling, log })
  const translator = new CloudFoundryTranslator({
    decoder: new Decoder(),
    apps: enricher,
    notFound: metadata.notFound,
    httpPeer,
    groupMessages: GROUP_MESSAGES,
  })
  const pipeline = new Pipeline({ input, translator, lanes: outputs.map(({ lane }) => lane) })
  return { input, enricher, outputs, deadLetters, translator, pipeline }
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

/** Waits until all outputs answer. Rejects with the first that does not in time; then the others need not be waited for. */
export async function startOutputs(outputs: readonly OutputStage[], signal: AbortSignal): Promise<void> {
  await Promise.all(outputs.map(({ output }) => output.start(signal)))
}

export async function closeOutputs(outputs: readonly OutputStage[]): Promise<void> {
  await Promise.allSettled(outputs.map(({ output }) => output.close()))
}
