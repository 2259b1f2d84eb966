import type { AppAnswers, AppMetadata, MetadataSource } from '../metadata.ts'

/** Where nothing is asked of Cloud Controller. */
export class NoSource implements MetadataSource {
  readonly maxGuids = 1000
  readonly traffic = { requests: 0, failures: 0, lastFailureMs: 0, lastError: undefined }

  async fetchApps(guids: readonly string[], signal: AbortSignal): Promise<AppAnswers> {
    signal.throwIfAborted()
    return { found: [], absent: guids, failure: undefined }
  }

  async *listApps(signal: AbortSignal): AsyncGenerator<readonly AppMetadata[]> {
    signal.throwIfAborted()
    yield []
  }

  async close(): Promise<void> {}
}
