import fc from 'fast-check'
import { METHODS } from '../../src/cloud-foundry/methods.ts'
import { anyEnvelope } from './envelope-arbitrary.ts'

interface Uuid {
  readonly low: bigint
  readonly high: bigint
}

/** A V1 envelope of which V2 can say all. */
export interface V1 {
  readonly origin: string
  readonly eventType: number
  readonly timestamp: bigint
  readonly deployment?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly httpStartStop?: {
    readonly startTimestamp: bigint
    readonly stopTimestamp: bigint
    readonly requestId: Uuid
    readonly peerType: number
    readonly method: number
    readonly uri: string
    readonly remoteAddress: string
    readonly userAgent: string
    readonly statusCode: number
    readonly contentLength: bigint
    readonly applicationId?: Uuid
    readonly instanceIndex: number
  }
  readonly logMessage?: {
    readonly message: string
    readonly message_type: number
    readonly app_id: string
    readonly source_type?: string
    readonly source_instance?: string
  }
  readonly containerMetric?: {
    readonly applicationId: string
    readonly instanceIndex: number
    readonly cpuPercentage: number
    readonly memoryBytes: bigint
    readonly diskBytes: bigint
    readonly memoryBytesQuota?: bigint
    readonly diskBytesQuota?: bigint
  }
}

export interface V2 {
  readonly timestamp: bigint
  readonly source_id: string
  readonly instance_id: string
  readonly deprecated_tags?: Readonly<Record<string, { readonly text: string }>>
  readonly tags: Readonly<Record<string, string>>
  readonly [message: string]: unknown
}

/** Any V1 envelope, but for what V2 has no place for. */
export const anyV1: fc.Arbitrary<V1> = anyEnvelope.map((any) => {
  const envelope = { ...any, timestamp: any.timestamp ?? 0n } as unknown as Record<string, Record<string, unknown>> & V1
  const { httpStartStop, logMessage, containerMetric } = envelope
  const eventType = httpStartStop ? 4 : logMessage ? 5 : containerMetric ? 9 : 6
  const whole = (value: bigint | undefined) => (value ?? 0n) & (2n ** 53n - 1n)
  return {
    ...{
      origin: envelope.origin,
      eventType,
      timestamp: envelope.timestamp,
      tags: envelope.tags ?? {},
      deployment: envelope.deployment ?? '',
    },
    ...(eventType === 4 && { httpStartStop: { ...httpStartStop, instanceIndex: httpStartStop?.instanceIndex ?? 0 } }),
    ...(eventType === 5 && {
      logMessage: {
        ...logMessage,
        ...{ timestamp: envelope.timestamp, message_type: ((logMessage?.message_type ?? 0) & 1) + 1, app_id: logMessage?.app_id || 'a' },
      },
    }),
    ...(eventType === 9 && {
      containerMetric: {
        ...{ applicationId: containerMetric?.applicationId || 'a', instanceIndex: containerMetric?.instanceIndex },
        ...{ cpuPercentage: (containerMetric?.cpuPercentage ?? 0) + 0 },
        ...{ memoryBytes: whole(containerMetric?.memoryBytes), diskBytes: whole(containerMetric?.diskBytes) },
        ...{ memoryBytesQuota: whole(containerMetric?.memoryBytesQuota), diskBytesQuota: whole(containerMetric?.diskBytesQuota) },
      },
    }),
  } as V1
})

/** As go-loggregator's `conversion.ToV2` has it, in words of our own. */
export function toV2(v1: V1): V2 {
  const { httpStartStop: http, logMessage: log, containerMetric: metric } = v1
  const { origin, deployment = '' } = v1
  const base = { timestamp: v1.timestamp, source_id: `${deployment}/`, instance_id: '' }
  const tags = { ...v1.tags, origin, deployment, job: '', index: '', ip: '' }
  if (http) {
    const more = {
      request_id: uuidText(http.requestId),
      peer_type: ['', 'Client', 'Server'][http.peerType] as string,
      method: METHODS[http.method] ?? String(http.method),
      uri: http.uri,
      remote_address: http.remoteAddress,
      user_agent: http.userAgent,
      status_code: String(http.statusCode),
      content_length: String(http.contentLength),
    }
    const source_id = http.applicationId ? uuidText(http.applicationId) : base.source_id
    const timer = { name: 'http', start: http.startTimestamp, stop: http.stopTimestamp }
    return { ...base, source_id, instance_id: String(http.instanceIndex), tags: { ...tags, ...more }, timer }
  }
  if (log) {
    const body = { payload: log.message, type: log.message_type === 1 ? 'OUT' : 'ERR' }
    const { app_id: source_id, source_instance: instance_id = '', source_type = '' } = log
    return { ...base, source_id, instance_id, tags: { ...tags, source_type }, log: body }
  }
  if (metric) {
    const metrics = {
      cpu: { unit: 'percentage', value: metric.cpuPercentage },
      disk: { unit: 'bytes', value: Number(metric.diskBytes) },
      disk_quota: { unit: 'bytes', value: Number(metric.diskBytesQuota ?? 0n) },
      memory: { unit: 'bytes', value: Number(metric.memoryBytes) },
      memory_quota: { unit: 'bytes', value: Number(metric.memoryBytesQuota ?? 0n) },
    }
    return { ...base, source_id: metric.applicationId, instance_id: String(metric.instanceIndex), tags, gauge: { metrics } }
  }
  return { ...base, tags, gauge: { metrics: { requests: { unit: 'count', value: 1 } } } }
}

function uuidText({ low, high }: Uuid): string {
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64LE(BigInt(low), 0)
  bytes.writeBigUInt64LE(BigInt(high), 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** The same with tags of the old kind. */
export function withDeprecatedTags({ tags, ...rest }: V2): V2 {
  return { ...rest, tags: {}, deprecated_tags: Object.fromEntries(Object.entries(tags).map(([name, text]) => [name, { text }])) } as V2
}

/** How a producer spells V2. */
export interface V2Spelling {
  readonly camelCase: boolean
  readonly numbers: boolean
  readonly zeros: boolean
  /** Behind commas, and behind colons. */
  readonly comma: string
  readonly colon: string
}

export const anyV2Spelling: fc.Arbitrary<V2Spelling> = fc.record({
  camelCase: fc.boolean(),
  numbers: fc.boolean(),
  zeros: fc.boolean(),
  comma: fc.constantFrom('', ' ', '\n  '),
  colon: fc.constantFrom('', '', ' '),
})

/** As today's gateway spells it. */
const GATEWAY: V2Spelling = { camelCase: false, numbers: false, zeros: true, comma: '', colon: '' }

const MAPS = new Set(['tags', 'deprecated_tags', 'metrics'])

export function spellV2(envelope: V2, spelling: V2Spelling = GATEWAY): string {
  const { deprecated_tags = {}, timestamp, source_id, instance_id, tags, ...message } = envelope
  return spell({ timestamp, source_id, instance_id, deprecated_tags, tags, ...message }, spelling, false)
}

function spell(value: unknown, spelling: V2Spelling, isMap: boolean): string {
  const { camelCase, numbers, zeros, comma, colon } = spelling
  if (typeof value === 'bigint') return numbers ? String(value) : `"${value}"`
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([key, member]) => isMap || zeros || !isZero(key, member))
    .map(([key, member]) => {
      const name = camelCase && !isMap ? key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) : key
      return `${JSON.stringify(name)}:${colon}${spell(member, spelling, !isMap && MAPS.has(key))}`
    })
  return `{${members.join(`,${comma}`)}}`
}

function isZero(key: string, member: unknown): boolean {
  if (MAPS.has(key)) return Object.keys(member as object).length === 0
  return member === '' || member === 0 || member === 0n || (key === 'type' && member === 'OUT')
}
