import type { Logger } from 'pino'
import { Decoder, GROUP_MESSAGES } from '../cloud-foundry/decode/decoder.ts'
import { v1MessageOf } from '../cloud-foundry/decode/v2/v1-json.ts'
import { CloudController } from '../cloud-foundry/enricher/cloud-controller.ts'
import { CloudControllerV2 } from '../cloud-foundry/enricher/cloud-controller-v2.ts'
import { Enricher } from '../cloud-foundry/enricher/enricher.ts'
import { FileSource } from '../cloud-foundry/enricher/file.ts'
import { NoSource } from '../cloud-foundry/enricher/no-source.ts'
import type { MetadataSource } from '../cloud-foundry/metadata.ts'
import { TaggedApps } from '../cloud-foundry/tagged-apps.ts'
import { CloudFoundryTranslator, type EventEncoder, guidOfKey, type TranslatorCounts } from '../cloud-foundry/translator.ts'
import type { Config } from '../config/config.ts'
import { KafkaDeadLetters } from '../dead-letters/kafka.ts'
import { LoggedDeadLetters } from '../dead-letters/logged.ts'
import type { StatsSources } from '../debug/sources.ts'
import type { DeadLetters, Readiness } from '../flow/contracts.ts'
import type { HeldMessages } from '../flow/held-messages.ts'
import { Lane } from '../flow/lane.ts'
import type { Ledger } from '../flow/ledger.ts'
import { Pipeline } from '../flow/pipeline.ts'
import type { BuiltInput, EnvelopeUse, InputParts } from '../inputs/end.ts'
import { type KafkaConnectionOptions, kafkaConfig } from '../kafka/connection.ts'
import { Activity } from '../lib/activity.ts'
import type { BuiltOutput } from '../outputs/end.ts'

/** An output with the lane that leads to it. */
export interface OutputStage extends BuiltOutput {
  readonly name: string
  readonly lane: Lane<EventEncoder>
}

/** An input with who understands it. */
interface InputStage extends BuiltInput {
  readonly ledger: Ledger
}

/** All that is between the configuration and the flow. */
export interface Stages {
  /** As they are chosen. */
  readonly inputs: readonly InputStage[]
  readonly enricher: Enricher
  /** As they are chosen: the first speaks for all. */
  readonly outputs: readonly OutputStage[]
  readonly deadLetters: DeadLetters & Readiness
  readonly translator: TranslatorCounts
  readonly pipeline: Pipeline<EventEncoder>
  /** Messages that wait for Cloud Controller. */
  readonly held: StatsSources['held']
}

export interface StageOptions {
  readonly config: Config
  readonly log: Logger
  /** Builds the inputs. */
  readonly buildInputs: (parts: Omit<InputParts, 'ledger'>) => readonly InputStage[]
  readonly deadLetters: DeadLetters & Readiness
}

/** Connects to nothing yet. */
export function buildStages({ config, log, buildInputs, deadLetters }: StageOptions): Stages {
  const { metadata } = config
  const outputs = config.outputs.map(({ name, build }, index): OutputStage => {
    const built = build(log)
    const { encoder, output, limits } = built
    return { ...built, name, lane: new Lane<EventEncoder>({ name, encoder, output, deadLetters, speaksForAll: index === 0, limits }) }
  })
  const spelling = () => Object.assign({}, ...outputs.map((output) => output.spelling?.()))
  const enricher = new Enricher({ source: metadataSource(config, log) ?? new NoSource(), ...metadata, spelling, log })
  const envelopes = new EnvelopeTranslators(config, enricher, new TaggedApps(spelling))
  const inputs = buildInputs({
    log,
    flushNow: () => pipeline.flushNow(),
    keptBytes: () => pipeline.keptBytes,
    spelling,
    counts: envelopes.counts,
    envelopes: (use) => envelopes.of(use),
  })
  const pipeline = new Pipeline({ sources: inputs, lanes: outputs.map(({ lane }) => lane) })
  return { inputs, enricher, outputs, deadLetters, translator: envelopes.counts, pipeline, held: () => envelopes.heldIn(pipeline) }
}

/** The translators of envelopes that inputs have asked for: one for all that take them in the same way. */
class EnvelopeTranslators {
  readonly counts: TranslatorCounts = { enriched: new Activity(), enrichFailed: new Activity() }
  readonly #config: Config
  readonly #apps: Enricher
  readonly #decoder = new Decoder()
  readonly #names: TaggedApps
  readonly #byUse = new Map<string, CloudFoundryTranslator>()

  constructor(config: Config, apps: Enricher, names: TaggedApps) {
    this.#config = config
    this.#apps = apps
    this.#names = names
  }

  of(use: EnvelopeUse): CloudFoundryTranslator {
    const httpPeer = this.#config.httpPeer ?? use.httpPeer
    const key = `${httpPeer} ${use.isFirehose}`
    const { notFound } = this.#config.metadata
    const known = this.#byUse.get(key)
    if (known !== undefined) return known
    const translator = new CloudFoundryTranslator({
      decoder: this.#decoder,
      apps: this.#apps,
      notFound,
      httpPeer,
      ...(use.isFirehose && { names: this.#names, passedOn: v1MessageOf }),
      groupMessages: GROUP_MESSAGES,
      counts: this.counts,
    })
    this.#byUse.set(key, translator)
    return translator
  }

  /** What waits for Cloud Controller, whichever of them takes it. */
  heldIn(pipeline: Pipeline<EventEncoder>): ReturnType<StatsSources['held']> {
    const rooms = [...this.#byUse.values()].map((translator) => pipeline.heldBy(translator)).filter((held) => held !== undefined)
    const sum = (of: (held: HeldMessages) => number) => rooms.reduce((total, held) => total + of(held), 0)
    return {
      count: sum(({ count }) => count),
      guidCount: sum(({ guidCount }) => guidCount),
      guids: (limit) => [...new Set(rooms.flatMap((held) => held.guids(limit)).map(guidOfKey))].slice(0, limit),
    }
  }
}

function kafkaConnection({ kafka }: Config, log: Logger): KafkaConnectionOptions {
  return { ...kafka, log }
}

export function buildDeadLetters(config: Config, log: Logger): DeadLetters & Readiness {
  const topic = config.kafka.deadLetterTopic
  if (topic === undefined) return new LoggedDeadLetters({ log })
  return new KafkaDeadLetters({ topic, kafka: kafkaConfig(kafkaConnection(config, log)), log })
}

/** Undefined where no input needs any. */
export function metadataSource({ cf, secrets, needsCloudController }: Config, log: Logger): MetadataSource | undefined {
  if (!needsCloudController) return undefined
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
