import type { CleanedEnv } from 'envalid'
import type { CloudControllerOptions } from '../cloud-foundry/enricher/cloud-controller-options.ts'
import type { KafkaConnectionOptions } from '../kafka/connection.ts'

/** Variables by name, made by the kinds of `kinds.ts`. */
// biome-ignore lint/suspicious/noExplicitAny: what a kind parses is its own
export type Variables = Readonly<Record<string, any>>

/** Their values as the kinds parse them; undefined is not set. */
export type ValuesOf<V extends Variables> = Pick<CleanedEnv<V>, keyof V & string>

/** What values that are right one by one are judged by. */
export interface EndRules<V extends Variables> {
  /** Undefined also where the value was a mistake. */
  readonly values: Partial<ValuesOf<V>>
  readonly isSet: (name: keyof V & string) => boolean
}

/** A Kafka cluster, and what of it must not be written to. */
type CommonKafka = Omit<KafkaConnectionOptions, 'log'> & {
  /** What is read there: empty where Kafka is no input. */
  readonly topics: readonly (string | RegExp)[]
  readonly deadLetterTopic: string | undefined
}

/** What the configuration holds for all ends. */
export interface Common {
  /** Certificates of authorities, in PEM, in place of Node's own. */
  readonly trusted: readonly string[] | undefined
  readonly instanceIndex: number
  readonly batcher: {
    readonly flushIntervalMs: number
    readonly flushMessages: number
    /** -1: without end. */
    readonly flushRetries: number
  }
  readonly limits: {
    /** Messages that an input has read and that are not settled, and bytes of them. */
    readonly maxInFlight: number
    readonly maxInFlightBytes: number
    readonly processingTimeoutMs: number
  }
  /** Where inputs keep how far they are; undefined: nowhere. */
  readonly stateFolder: string | undefined
  /** DOCKER_HOST. */
  readonly dockerHost: string | undefined
  /** A document's message beyond this, in bytes of UTF-8, is cut. */
  readonly documentMaxBytes: number
  /** How Cloud Controller and UAA are reached, and the login. */
  readonly cf: Omit<CloudControllerOptions, 'log'>
  /** How Kafka is reached by the input, by dead letters, and by an output without a connection of its own. */
  readonly kafka: CommonKafka
}

/** Where a value is set and its companion is not. */
export function* pair(isSet: (name: never) => boolean, one: string, other: string): Generator<string> {
  const has = isSet as (name: string) => boolean
  if (has(one) && !has(other)) yield `${other}: not set, expected a value with ${one}`
  if (has(other) && !has(one)) yield `${one}: not set, expected a value with ${other}`
}
