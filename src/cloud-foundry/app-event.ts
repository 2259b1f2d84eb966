/** Event kinds that become points; the numbers are dropsonde's `Envelope.EventType`. */
export const HTTP = 4
export const LOG = 5
export const CONTAINER = 9
/** Usage beyond CONTAINER's, which Loggregator V2 alone tells. The number is none of dropsonde's. */
export const USAGE = 100

/** What a container of an engine uses, and what has happened to one: of the input docker alone. */
export const CONTAINER_USAGE = 101
export const CONTAINER_EVENT = 102

/** What has happened to a container. */
export interface ContainerHappening {
  /** In Docker's words. */
  readonly action: string
  /** Decimal digits each; undefined where the event has none. */
  readonly exitCode?: string | undefined
  readonly signal?: string | undefined
  /** The kernel has killed something of its run for memory. */
  readonly isOom?: boolean | undefined
}

/** What a USAGE event may have, in the order of a point's fields: ns, percent of what the app is entitled to, and bytes a second. */
export const USAGE_METRICS = [
  'absolute_entitlement',
  'absolute_usage',
  'container_age',
  'cpu_entitlement',
  'log_rate',
  'log_rate_limit',
] as const

/** dropsonde's `PeerType`: whose side of a request an event tells. */
export const PEER_CLIENT = 1
export const PEER_SERVER = 2

/** HTTP, CONTAINER, USAGE: see {@link AppEvent.absent}. */
export const ABSENT_METHOD = 1
export const ABSENT_STATUS = 2
export const ABSENT_INSTANCE = 4
export const ABSENT_LENGTH = 8

/** What a decoder says of a message. Small integers, because the hot path compares one per message. */
export const POINT = 0
/** An event type or log source that no point is made of. */
export const DISCARDED = 1
/** The sub-message is missing, or has no application id. */
export const NO_APP_GUID = 2
/** Not an envelope. */
export const UNDECODABLE = 3
/** Of a fast decoder only: it does not understand the spelling, which says nothing about the message. */
export const UNSURE = 4
export type Verdict = typeof POINT | typeof DISCARDED | typeof NO_APP_GUID | typeof UNDECODABLE | typeof UNSURE

/**
 * What one message says, as far as a point needs it: the one thing that every decoder fills and the encoder reads.
 *
 * A few instances are filled again and again, so its shape never changes and nothing is allocated. A pair such
 * as `statusCode, statusCodeEnd` is a span of `bytes`: 64-bit integers stay the digits they came as. Decoders that cannot
 * point into the message (protobuf, unusual JSON) write canonical text into a scratch buffer of their own and point there.
 * Words are read whole, so at least 8 bytes behind every span must be readable, if not meaningful. An empty span means absent.
 *
 * Fields that do not belong to `verdict` and `kind` hold whatever an earlier message left there.
 */
export class AppEvent {
  verdict: Verdict = UNDECODABLE
  /** UNDECODABLE: why, in words: where, what is there, and what is expected. */
  problem = ''

  kind = 0
  bytes = new Uint8Array(0)
  /** Over the same memory as `bytes`. */
  view = new DataView(new ArrayBuffer(0))

  /** The application id as text, where the decoder has made one. Otherwise '', and the span `appId` counts. */
  guid = ''
  /**
   * The application id as the message spells it, its delimiters inside so that no spelling can pass for another:
   * `"GUID"`, or `:low,"high":high}`.
   */
  appId = 0
  appIdEnd = 0

  /** The point's time: ns, decimal, perhaps negative. */
  timestamp = 0
  timestampEnd = 0
  /** HTTP, CONTAINER and USAGE: decimal digits. LOG and those of the input docker: as it is, valid UTF-8, not yet cleaned or escaped. */
  instance = 0
  instanceEnd = 0

  /**
   * Whether the spans of text that only documents have (`uri`, `remoteAddress`, `userAgent`, `sourceType`) are what a JSON string has between
   * its quotes, perhaps with escapes and bytes that are no UTF-8. Otherwise they are the text itself.
   */
  isJsonText = false
  /** What the message lacks and the event has a default for: bits of ABSENT_…. */
  absent = 0

  /** HTTP: dropsonde's `PeerType` as a number, 1 (client) where it is absent; 0 where there is no sub-message. */
  peerType = 0
  /** HTTP: dropsonde's `Method` as a number; 1 where it is absent. */
  method = 0
  statusCode = 0
  statusCodeEnd = 0
  contentLength = 0
  contentLengthEnd = 0
  /** HTTP: text. */
  uri = 0
  uriEnd = 0
  remoteAddress = 0
  remoteAddressEnd = 0
  userAgent = 0
  userAgentEnd = 0
  /** HTTP: the halves of the request's id, decimal digits; or the low one is 36 characters, which may be a UUID, and the high one empty. */
  requestLow = 0
  requestLowEnd = 0
  requestHigh = 0
  requestHighEnd = 0
  /** HTTP: stop − start, saturated to 64 bits, divided by 1e9 as Go divides: toward zero, both parts with its sign. */
  durationSeconds = 0
  durationNanoseconds = 0

  /** LOG: dropsonde's `MessageType` as a number; 1 where it is absent. */
  messageType = 0
  /** LOG: from the router (source type RTR…), whatever `messageType` says. */
  isRouterLog = false
  /** LOG: bytes of the decoded payload. */
  payloadSize = 0
  /** LOG: the payload, from `payload` to `payloadEnd` of `payloadBytes`: in base64, or as it is. */
  payloadBytes: Uint8Array = new Uint8Array(0)
  payload = 0
  payloadEnd = 0
  isBase64 = false
  /** LOG: text. */
  sourceType = 0
  sourceTypeEnd = 0

  /** CONTAINER: the CPU percentage as it is to be written; an empty span where it is not finite. */
  cpu = 0
  cpuEnd = 0
  /** CONTAINER: each quantity as a double, for the ratios, and as the digits to write, at most 2^63 − 1. */
  memoryBytes = 0
  memory = 0
  memoryEnd = 0
  diskBytes = 0
  disk = 0
  diskEnd = 0
  memoryQuotaBytes = 0
  memoryQuota = 0
  memoryQuotaEnd = 0
  diskQuotaBytes = 0
  diskQuota = 0
  diskQuotaEnd = 0

  /** USAGE: start and end of each of {@link USAGE_METRICS} as it is to be written; empty where it is absent. */
  readonly usage = new Int32Array(2 * USAGE_METRICS.length)

  /** CONTAINER_USAGE: the digits to write of each field of a point, in ascending order of their names; what is absent is not there. */
  readings: Readonly<Record<string, string>> = {}
  /** CONTAINER_EVENT. */
  happening: ContainerHappening = { action: '' }
}

/**
 * The application id as a string. A UUID `{low, high}` is sixteen bytes, low first, each half little-endian, written
 * 8-4-4-4-12; an id given as text is taken as it is, whatever its shape.
 */
export function guidOf({ guid, bytes, appId, appIdEnd }: AppEvent): string {
  if (guid !== '') return guid
  const id = Buffer.from(bytes.buffer, bytes.byteOffset + appId, appIdEnd - appId).toString()
  if (id.startsWith('"')) return id.slice(1, -1)
  const [low = 0n, high = 0n] = id.match(/\d+/g)?.map(BigInt) ?? []
  const uuid = Buffer.alloc(16)
  uuid.writeBigUInt64LE(low, 0)
  uuid.writeBigUInt64LE(high, 8)
  return uuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** A span of the event's bytes as text; '' where it is empty. */
export function textAt({ bytes }: AppEvent, start: number, end: number): string {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, Math.max(0, end - start)).toString()
}
