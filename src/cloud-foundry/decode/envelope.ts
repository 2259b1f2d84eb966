/**
 * An envelope as far as a point needs it, whatever it was spelt in. Undefined is absent (Go's nil); 64-bit integers are
 * exact. Both exact decoders make one of these, so that what follows is the same for both.
 */
export interface Envelope {
  readonly eventType?: number | undefined
  readonly timestamp?: bigint | undefined
  readonly httpStartStop?: HttpStartStop | undefined
  readonly logMessage?: LogMessage | undefined
  readonly containerMetric?: ContainerMetric | undefined
  /** Loggregator V2 alone. */
  readonly usage?: Usage | undefined
}

export interface HttpStartStop {
  readonly startTimestamp?: bigint | undefined
  readonly stopTimestamp?: bigint | undefined
  readonly peerType?: number | undefined
  readonly method?: number | undefined
  readonly uri?: string | undefined
  readonly remoteAddress?: string | undefined
  readonly userAgent?: string | undefined
  readonly requestId?: Uuid | undefined
  readonly statusCode?: number | undefined
  readonly contentLength?: bigint | undefined
  readonly applicationId?: Uuid | undefined
  readonly instanceIndex?: number | undefined
  /** Loggregator V2 alone: bits of ABSENT_…, of what is 0 here because the envelope does not say it. */
  readonly unsaid?: number | undefined
}

export interface Uuid {
  readonly low?: bigint | undefined
  readonly high?: bigint | undefined
}

/** Bytes that a message brings, not decoded yet. */
export interface Payload {
  /** Of what it decodes to. */
  readonly size: number
  /** Its base64, or itself. */
  readonly bytes: Uint8Array
  readonly isBase64: boolean
}

export interface LogMessage {
  readonly message?: Payload | undefined
  readonly message_type?: number | undefined
  readonly timestamp?: bigint | undefined
  readonly app_id?: string | undefined
  readonly source_type?: string | undefined
  readonly source_instance?: string | undefined
}

export interface ContainerMetric {
  readonly applicationId?: string | undefined
  readonly instanceIndex?: number | undefined
  readonly cpuPercentage?: number | undefined
  readonly memoryBytes?: bigint | undefined
  readonly diskBytes?: bigint | undefined
  readonly memoryBytesQuota?: bigint | undefined
  readonly diskBytesQuota?: bigint | undefined
}

/** What an instance uses beyond {@link ContainerMetric}. */
export interface Usage {
  readonly applicationId: string
  readonly instanceIndex: number | undefined
  /** By name, of `USAGE_METRICS`. */
  readonly metrics: ReadonlyMap<string, number>
}
