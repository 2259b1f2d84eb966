import type { InputStats, MetadataStats, OutputStats, Readiness } from '../flow/contracts.ts'
import type { Ledger } from '../flow/ledger.ts'
import type { Activity } from '../lib/activity.ts'
import type { Secrets } from '../lib/secrets.ts'

export type State = 'starting' | 'running' | 'draining'

/** Where the figures come from. All are read again for every answer, and nothing of them is changed. */
export interface StatsSources {
  readonly version: string
  readonly instanceIndex: number
  readonly state: () => State
  readonly ledger: Ledger
  readonly input: InputStats
  readonly enricher: MetadataStats
  readonly output: OutputStats
  readonly deadLetters: Readiness
  readonly encoder: {
    /** Points in whose tags something had to be replaced. */
    readonly sanitized: number
  }
  readonly translator: {
    /** Events whose app was found; events without an app, or of one that does not exist. */
    readonly enriched: Activity
    readonly enrichFailed: Activity
  }
  readonly lane: {
    /** Points put into a batch. */
    readonly batched: Activity
  }
  readonly pipeline: {
    /** Messages that wait for Cloud Controller, and some of the apps they are of. */
    readonly held: { readonly count: number; readonly guidCount: number; guids(limit: number): string[] }
  }
  /** As many messages in flight stop the reading. */
  readonly maxInFlight: number
  /** What must not be seen, though a server may have quoted it in an error. */
  readonly secrets: Secrets
}
