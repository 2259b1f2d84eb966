export interface RequestFailedOptions {
  readonly cause?: unknown
  /** HTTP status, where there was an answer. */
  readonly status?: number
  /** What the server asked to wait. */
  readonly retryAfterMs?: number | undefined
  /** Nothing changes until somebody acts: a certificate, a password, a role. Otherwise it may pass by itself. */
  readonly needsOperator?: boolean
}

/** A request to Cloud Controller or UAA that brought no usable answer. The message says which, what came back and what to do. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed'
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  readonly needsOperator: boolean

  constructor(message: string, { cause, status, retryAfterMs, needsOperator = false }: RequestFailedOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
    this.retryAfterMs = retryAfterMs
    this.needsOperator = needsOperator
  }
}
