/** What Cloud Controller knows of an app, as the original writes it into tags. */
export interface AppMetadata {
  readonly app: string
  readonly app_guid: string
  readonly space: string
  readonly space_guid: string
  readonly org: string
  readonly org_guid: string
}

/** The answer to one look-up. A guid in neither list is unknown: nothing may be concluded. */
export interface AppAnswers {
  readonly found: readonly AppMetadata[]
  readonly absent: readonly string[]
  /** Why the rest is unknown; undefined where nothing is. `retryAfterMs` is what the server asked for. */
  readonly failure: { readonly error: Error; readonly retryAfterMs?: number } | undefined
}

/** The requests of a metadata source, those for tokens included. */
export interface SourceTraffic {
  readonly requests: number
  readonly failures: number
  /** When a request failed last, as of `Date.now()`; 0 is never. */
  readonly lastFailureMs: number
  readonly lastError: string | undefined
}

export interface MetadataSource {
  readonly traffic: SourceTraffic
  /** The most guids of one look-up. */
  readonly maxGuids: number
  /** Found, absent or unknown for each guid: a partial answer keeps what it got. Rejects only if `signal` aborts. */
  fetchApps(guids: readonly string[], signal: AbortSignal): Promise<AppAnswers>
  /** All apps, page by page. Throws where a page cannot be had: what came before it is still true. */
  listApps(signal: AbortSignal): AsyncIterable<readonly AppMetadata[]>
  close(): Promise<void>
}
