/**
 * How it stands with a container's log:
 * `queued`: its container has ended, and other such logs are read first; `opening`: asked for, without an answer yet; `following`: a stream of it is open; `waiting`: lines of it wait for room among what is in flight; `ended`: read to the end
 * of the container's latest run; `idle`: nothing to read until its next run; `unreadable`: its logging driver cannot be read; `retrying`: reading failed, and is tried again;
 * `removed`: the engine has it no more.
 */
export type LogState = 'queued' | 'opening' | 'following' | 'waiting' | 'ended' | 'idle' | 'unreadable' | 'retrying' | 'removed'

/** How far the reading of a container's log has come, for those who look at it. Changes nothing of the reading itself. */
export class LogProgress {
  state: LogState = 'opening'
  /** Why the state is what it is, in words, where the state alone does not say it. */
  reason: string | undefined
  /** Lines handed over since the start, and bytes of them as they are kept. */
  lines = 0
  bytes = 0
  /** Of the last line that was handed over, by the engine's clock; undefined before the first. */
  lastLineNs: bigint | undefined
  failures = 0
  lastError: string | undefined

  be(state: LogState, reason?: string): void {
    this.state = state
    this.reason = reason
  }

  failed(error: string): void {
    this.failures++
    this.lastError = error
  }

  handedOver(lines: readonly { readonly line: { readonly timeNs: bigint; readonly bytes: Uint8Array } }[]): void {
    this.lines += lines.length
    for (const { line } of lines) this.bytes += line.bytes.length
    this.lastLineNs = lines.at(-1)?.line.timeNs ?? this.lastLineNs
  }

  get isStreaming(): boolean {
    return this.state === 'following' || this.state === 'waiting'
  }

  /** Why nothing comes, where that is no choice of anybody's; undefined where it is read, or has been read to its end. */
  get problem(): string | undefined {
    return this.state === 'unreadable' || this.state === 'retrying' ? this.reason : undefined
  }
}
