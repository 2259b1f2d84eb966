import type { InputStats, MetadataStats, OutputStats, Readiness } from '../flow/contracts.ts'
import type { Ledger } from '../flow/ledger.ts'
import type { Activity } from '../lib/activity.ts'
import type { Secrets } from '../lib/secrets.ts'

export type State = 'starting' | 'running' | 'draining'

/** An output, its encoder, and the lane that leads to it. */
export interface OutputSource {
  readonly name: string
  readonly ack: 'stored' | 'handed over'
  readonly output: OutputStats
  readonly encoder: {
    /** Points in whose tags something had to be replaced; documents whose message was cut. */
    readonly sanitized?: number
    readonly truncated?: number
  }
  readonly lane: {
    /** Records put into a batch. */
    readonly batched: Activity
    /** Messages put in and not settled; records refused, and held back. */
    readonly inFlight: number
    readonly refused: number
    readonly held: number
  }
}

/** An input, and what became of its messages. */
export interface InputSource {
  readonly input: InputStats
  readonly ledger: Ledger
}

/** Where the figures come from. All are read again for every answer, and nothing of them is changed. */
export interface StatsSources {
  readonly version: string
  readonly instanceIndex: number
  readonly state: () => State
  /** As they are chosen, each with its own ledger: the program's is the sum of them. */
  readonly inputs: readonly InputSource[]
  readonly enricher: MetadataStats
  /** As they are chosen: the figures of `/stats/app` are the first one's. */
  readonly outputs: readonly OutputSource[]
  readonly deadLetters: Readiness
  readonly translator: {
    /** Events whose app was found; events without an app, or of one that does not exist. */
    readonly enriched: Activity
    readonly enrichFailed: Activity
  }
  /** Messages that wait for Cloud Controller, and some of the apps they are of. */
  readonly held: () => { readonly count: number; readonly guidCount: number; guids(limit: number): string[] }
  /** As many messages in flight stop the reading of an input. */
  readonly maxInFlight: number
  /** What must not be seen, though a server may have quoted it in an error. */
  readonly secrets: Secrets
}
