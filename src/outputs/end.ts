import type { CleanedEnv } from 'envalid'
import type { Logger } from 'pino'
import type { Findings } from '../check/finding.ts'
import type { AppSpelling } from '../cloud-foundry/app.ts'
import type { EventEncoder } from '../cloud-foundry/translator.ts'
import type { Description } from '../config/kinds.ts'
import type { Output, OutputStats } from '../flow/contracts.ts'
import type { BatchLimits } from '../flow/lane.ts'
import type { KafkaConnectionOptions } from '../kafka/connection.ts'

/** Variables by name, made by the kinds of `config/kinds.ts`. */
// biome-ignore lint/suspicious/noExplicitAny: what a kind parses is its own
type Variables = Readonly<Record<string, any>>

/** Their values as the kinds parse them; undefined is not set. */
export type ValuesOf<V extends Variables> = Pick<CleanedEnv<V>, keyof V & string>

/** What values that are right one by one are judged by. */
export interface EndRules<V extends Variables> {
  /** Undefined also where the value was a mistake. */
  readonly values: Partial<ValuesOf<V>>
  readonly isSet: (name: keyof V & string) => boolean
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
  /** A document's message beyond this, in bytes of UTF-8, is cut. */
  readonly documentMaxBytes: number
  /** How the input's Kafka is reached, and what is read there. */
  readonly kafka: Omit<KafkaConnectionOptions, 'log'> & {
    readonly topics: readonly (string | RegExp)[]
    readonly deadLetterTopic: string | undefined
  }
}

/** An output that was built: what the flow needs of it, and what it tells of itself. */
export interface BuiltOutput {
  readonly output: Output & OutputStats
  readonly encoder: EventEncoder & { readonly sanitized?: number; readonly truncated?: number }
  readonly limits: BatchLimits
  /** What its acknowledgement means: the receiver has stored it, or the operating system has taken it. */
  readonly ack: 'stored' | 'handed over'
  /** What is to be written of each app in advance. */
  readonly spelling?: () => AppSpelling
}

/** An output that was chosen, with its own settings. */
export interface ConfiguredOutput {
  readonly name: string
  readonly settings: object
  /** Connects to nothing yet. */
  build(log: Logger): BuiltOutput
  /** Tries the settings against the real server, and changes nothing there. */
  check(log: Logger, signal: AbortSignal): Findings
}

/**
 * An output as the program knows it. All that is said of an output stands in its folder, and its end here: what can be set, what does not go
 * together, how it is built and checked. Whoever adds one copies a folder and names it in `outputs.ts`.
 */
export interface OutputEnd<V extends Variables = Variables> {
  /** As CFMR_OUTPUT, `/stats` and dead letters call it. */
  readonly name: string
  /** Over its variables in the manual. */
  readonly title: string
  readonly variables: V & Readonly<Record<string, Description>>
  /** What is missing, and what does not go together: `NAME: found …, expected …` each. Asked where the output is chosen. */
  mistakes(rules: EndRules<V>, common: Pick<Common, 'kafka'>): Iterable<string>
  configure(values: ValuesOf<V>, common: Common): ConfiguredOutput
}

/** Where a value is set and its companion is not. */
export function* pair(isSet: (name: never) => boolean, one: string, other: string): Generator<string> {
  const has = isSet as (name: string) => boolean
  if (has(one) && !has(other)) yield `${other}: not set, expected a value with ${one}`
  if (has(other) && !has(one)) yield `${one}: not set, expected a value with ${other}`
}
