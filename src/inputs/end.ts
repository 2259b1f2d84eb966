import type { Logger } from 'pino'
import type { Findings } from '../check/finding.ts'
import type { AppSpelling } from '../cloud-foundry/app-texts.ts'
import type { EventEncoder, TranslatorCounts } from '../cloud-foundry/translator.ts'
import type { Common, EndRules, ValuesOf, Variables } from '../config/ends.ts'
import type { Description } from '../config/kinds.ts'
import type { Input, InputStats, Translator } from '../flow/contracts.ts'
import type { Ledger } from '../flow/ledger.ts'

/** What an input is built into. */
export interface InputParts {
  /** Its own: the program's is the sum of all. */
  readonly ledger: Ledger
  readonly log: Logger
  /** Has open batches written at once. */
  readonly flushNow: () => void
  /** Bytes that outputs keep beside the messages in flight. */
  readonly keptBytes: () => number
  /** What is to be written of each owner of events in advance. */
  readonly spelling: () => AppSpelling
  /** What all translators count together. */
  readonly counts: TranslatorCounts
  /** The translator of Cloud Foundry's envelopes. */
  readonly envelopes: (use: EnvelopeUse) => Translator<unknown, EventEncoder>
}

/** How an input's envelopes are taken. */
export interface EnvelopeUse {
  /** The side of a request that counts where CFMR_HTTPPEER does not say. */
  readonly httpPeer: 'both' | 'server'
  /**
   * Whether they are V2 in JSON, straight from the firehose: names in tags serve where Cloud Controller has none, and outputs that pass envelopes on
   * get V1, as nozzles write it.
   */
  readonly isFirehose: boolean
}

/** An input that was built: what it reads, who understands that, and what it tells of itself. */
export interface BuiltInput {
  readonly input: Input & InputStats
  readonly translator: Translator<unknown, EventEncoder>
}

/** An input that was chosen, with its own settings. */
interface ConfiguredInput {
  readonly name: string
  readonly settings: object
  /** Connects to nothing yet. */
  build(parts: InputParts): BuiltInput
  /** Tries the settings against the real server, and changes nothing there. */
  check(log: Logger, signal: AbortSignal): Findings
}

/** What inputs are judged by beside their own variables. */
interface InputRules extends Pick<Common, 'kafka' | 'dockerHost'> {
  /** Whether a file stands in for Cloud Controller. */
  readonly isApiFile: boolean
  /** Whether a ready token is given. */
  readonly hasToken: boolean
}

/**
 * An input as the program knows it. All that is said of an input stands in its folder, and its end here: what can be set, what does not go
 * together, how it is built and checked. Whoever adds one copies a folder and names it in `inputs.ts`.
 */
export interface InputEnd<V extends Variables = Variables> {
  /** As CFMR_INPUT and `/stats` call it. */
  readonly name: string
  /** Over its variables in the manual. */
  readonly title: string
  /**
   * Whether what is not settled is read again after a restart. Of any other a process that ends loses what it has read: where such an input is
   * chosen, outputs are tried without an end unless CFMR_BATCHER_FLUSHRETRIES is set.
   */
  readonly acknowledged: boolean
  /** Whether it keeps how far it is in the folder of CFMR_STATE; Kafka does that itself. */
  readonly keepsState: boolean
  /** Whether its messages are Cloud Foundry's envelopes, which an output can pass on as they came. */
  readonly hasEnvelopes: boolean
  /** Whether Cloud Controller is asked whose its messages are. */
  readonly needsCloudController: boolean
  readonly variables: V & Readonly<Record<string, Description>>
  /** What is missing, and what does not go together: `NAME: found …, expected …` each. Asked where the input is chosen. */
  mistakes(rules: EndRules<V>, common: InputRules): Iterable<string>
  configure(values: ValuesOf<V>, common: Common): ConfiguredInput
}
