import type { Logger } from 'pino'
import type { Findings } from '../check/finding.ts'
import type { AppSpelling } from '../cloud-foundry/app-texts.ts'
import type { EventEncoder } from '../cloud-foundry/translator.ts'
import type { Common, EndRules, ValuesOf, Variables } from '../config/ends.ts'
import type { Description } from '../config/kinds.ts'
import type { Output, OutputStats } from '../flow/contracts.ts'
import type { BatchLimits } from '../flow/lane.ts'

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

/** What outputs are judged by beside their own variables. */
interface OutputRules extends Pick<Common, 'kafka'> {
  /** Chosen inputs whose messages are no envelopes. */
  readonly inputsWithoutEnvelopes: readonly string[]
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
  mistakes(rules: EndRules<V>, common: OutputRules): Iterable<string>
  configure(values: ValuesOf<V>, common: Common): ConfiguredOutput
}
