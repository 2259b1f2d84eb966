import { ABSENT_LENGTH, ABSENT_METHOD, ABSENT_STATUS, CONTAINER, HTTP, LOG, PEER_SERVER, USAGE, USAGE_METRICS } from '../../app-event.ts'
import { METHODS } from '../../methods.ts'
import type { Envelope, HttpStartStop, Uuid } from '../envelope.ts'
import type { V2Envelope, V2Log, V2Timer, V2Value } from './envelope.ts'

/** Of an event that becomes no point. */
const OTHER: Envelope = { eventType: 0 }

const OUT = 1
const ERR = 2
const PEER_TYPES = ['0', 'Client', 'Server']

/**
 * The V1 envelope that says the same, as go-loggregator's `conversion.ToV1` makes it, so that all that follows is the same for both. Otherwise than there:
 * a timer that is not `http` is no request; a metric may be 0 without a unit; a request as its caller saw it has the instance of its tags, for the
 * envelope's is always 0 then; numbers of methods and peer types that have no name stay; an instance that is no number is absent.
 */
export function toV1(envelope: V2Envelope): Envelope {
  const { timer, log, gauge, timestamp, instanceId = '', sourceId: applicationId = '' } = envelope
  if (timer !== undefined) return timer.name === 'http' ? { eventType: HTTP, httpStartStop: httpStartStop(envelope, timer) } : OTHER
  if (log !== undefined) return { eventType: LOG, logMessage: logMessage(envelope, log) }
  if (gauge === undefined) return OTHER
  const value = (name: string) => {
    const metric = gauge.metrics?.get(name)
    return metric === undefined ? undefined : (metric.value ?? 0)
  }
  const cpu = value('cpu')
  const [memory, disk, memoryQuota, diskQuota] = ['memory', 'disk', 'memory_quota', 'disk_quota'].map(value).map(uint64)
  const index = int32Of(instanceId)
  if (cpu !== undefined && memory !== undefined && disk !== undefined && memoryQuota !== undefined && diskQuota !== undefined) {
    const instanceIndex = indexOf(value('instance_index')) ?? index
    const bytes = { memoryBytes: memory, diskBytes: disk, memoryBytesQuota: memoryQuota, diskBytesQuota: diskQuota }
    return { eventType: CONTAINER, timestamp, containerMetric: { applicationId, instanceIndex, cpuPercentage: cpu, ...bytes } }
  }
  const metrics = new Map(
    USAGE_METRICS.map((name) => [name as string, value(name) ?? Number.NaN] as const).filter(([, number]) => Number.isFinite(number)),
  )
  return metrics.size === 0 ? OTHER : { eventType: USAGE, timestamp, usage: { applicationId, instanceIndex: index, metrics } }
}

function httpStartStop(envelope: V2Envelope, { start, stop }: V2Timer): HttpStartStop {
  const tag = (name: string) => tagOf(envelope, name)
  const peerType = numberOf(tag('peer_type'), PEER_TYPES)
  const routed = peerType === PEER_SERVER ? int32Of(tag('instance_id') ?? '') : undefined
  const [method, statusCode, contentLength] = [tag('method'), tag('status_code'), tag('content_length')]
  return {
    startTimestamp: start,
    stopTimestamp: stop,
    peerType,
    method: numberOf(method, METHODS),
    uri: tag('uri'),
    remoteAddress: tag('remote_address'),
    userAgent: tag('user_agent'),
    requestId: uuid(tag('request_id')),
    statusCode: Number(BigInt.asIntN(32, int64Of(statusCode))),
    contentLength: int64Of(contentLength),
    applicationId: uuid(envelope.sourceId),
    instanceIndex: routed ?? int32Of(envelope.instanceId ?? ''),
    // Empty is absent.
    unsaid: (method ? 0 : ABSENT_METHOD) | (statusCode ? 0 : ABSENT_STATUS) | (contentLength ? 0 : ABSENT_LENGTH),
  }
}

function logMessage(envelope: V2Envelope, { payload, type = 0 }: V2Log): Envelope['logMessage'] {
  return {
    message: payload,
    message_type: type === 0 ? OUT : ERR,
    timestamp: envelope.timestamp,
    app_id: envelope.sourceId,
    source_type: tagOf(envelope, 'source_type'),
    source_instance: envelope.instanceId,
  }
}

function tagOf({ tags, deprecatedTags }: V2Envelope, name: string): string | undefined {
  return tags?.get(name) ?? textOf(deprecatedTags?.get(name))
}

export function textOf(value: V2Value | undefined): string | undefined {
  if (value === undefined) return undefined
  if (value.text !== undefined) return value.text
  if (value.integer !== undefined) return String(value.integer)
  return value.decimal?.toFixed(6)
}

/** A name's place in the list, or a number that has no name there; 0 for another text, or none. */
function numberOf(text = '', names: readonly string[]): number {
  const number = names.indexOf(text)
  return number >= 0 ? number : (int32Of(text) ?? 0)
}

const MAX_INT32 = 2 ** 31 - 1
const MAX_INT64 = 2n ** 63n - 1n
const MAX_UINT64 = 2n ** 64n - 1n

function int32Of(text: string): number | undefined {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  return number >= -MAX_INT32 - 1 && number <= MAX_INT32 ? number + 0 : undefined
}

/** 0 for what is none. */
function int64Of(text = ''): bigint {
  // Longer ones are out of range, or would be dear to read.
  if (!/^[+-]?\d{1,40}$/.test(text)) return 0n
  const number = BigInt(text.replace('+', ''))
  return number >= -MAX_INT64 - 1n && number <= MAX_INT64 ? number : 0n
}

function indexOf(value: number | undefined): number | undefined {
  return value !== undefined && Math.abs(value) <= MAX_INT32 ? Math.trunc(value) + 0 : undefined
}

/** Saturated; undefined for what is no number. */
function uint64(value: number | undefined): bigint | undefined {
  if (value === undefined || Number.isNaN(value)) return undefined
  if (value <= 0) return 0n
  return value >= 2 ** 64 ? MAX_UINT64 : BigInt(Math.trunc(value))
}

const UUID_TEXT = /^[0-9a-f]{8}(?:.[0-9a-f]{4}){3}.[0-9a-f]{12}$/is

function uuid(text: string | undefined): Uuid | undefined {
  if (text === undefined || text.length !== 36 || !UUID_TEXT.test(text)) return undefined
  const bytes = Buffer.from(text.replace(UUID_TEXT, dashless), 'hex')
  return { low: bytes.readBigUInt64LE(0), high: bytes.readBigUInt64LE(8) }
}

function dashless(text: string): string {
  return text.slice(0, 8) + text.slice(9, 13) + text.slice(14, 18) + text.slice(19, 23) + text.slice(24)
}
