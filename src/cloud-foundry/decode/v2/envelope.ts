import type { Payload } from '../envelope.ts'

/** A Loggregator V2 envelope as far as a point needs it, whatever it was spelt in. Absent is empty or 0, as proto3 has it. */
export interface V2Envelope {
  readonly timestamp?: bigint | undefined
  readonly sourceId?: string | undefined
  readonly instanceId?: string | undefined
  readonly tags?: ReadonlyMap<string, string> | undefined
  /** Of emitters older than `tags`, which go before these. */
  readonly deprecatedTags?: ReadonlyMap<string, V2Value> | undefined
  /** At most one of them is there. */
  readonly log?: V2Log | undefined
  readonly gauge?: V2Gauge | undefined
  readonly timer?: V2Timer | undefined
}

export interface V2Value {
  readonly text?: string | undefined
  readonly integer?: bigint | undefined
  readonly decimal?: number | undefined
}

export interface V2Log {
  readonly payload?: Payload | undefined
  readonly type?: number | undefined
}

interface V2Gauge {
  readonly metrics?: ReadonlyMap<string, { readonly value?: number | undefined }> | undefined
}

export interface V2Timer {
  readonly name?: string | undefined
  readonly start?: bigint | undefined
  readonly stop?: bigint | undefined
}
