import { formatFloat } from '../../lib/float.ts'
import {
  ABSENT_INSTANCE,
  ABSENT_LENGTH,
  ABSENT_METHOD,
  ABSENT_STATUS,
  type AppEvent,
  CONTAINER,
  DISCARDED,
  HTTP,
  LOG,
  NO_APP_GUID,
  PEER_CLIENT,
  POINT,
  USAGE,
  USAGE_METRICS,
  type Verdict,
} from '../app-event.ts'
import type { ContainerMetric, Envelope, HttpStartStop, LogMessage, Usage } from './envelope.ts'
import type { Scratch } from './scratch.ts'
import { uuidText } from './uuid-text.ts'

/** What an absent method, and an absent message type, stand for. */
const GET = 1
const OUT = 1

const NO_BYTES = new Uint8Array(0)
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n
const NANOSECONDS_PER_SECOND = 1_000_000_000n

/**
 * Decides what becomes of an envelope, and fills `event` if that is a point; its spans then point into `scratch`, behind what is there. Only
 * the sub-message that `eventType` names counts.
 */
export function settleEnvelope(envelope: Envelope, event: AppEvent, scratch: Scratch): Verdict {
  const verdict = settle(envelope, event, scratch)
  event.isJsonText = false
  event.bytes = scratch.bytes
  event.view = scratch.view
  return verdict
}

function settle(envelope: Envelope, event: AppEvent, scratch: Scratch): Verdict {
  switch (envelope.eventType ?? HTTP) {
    case HTTP:
      return settleHttp(envelope.httpStartStop, event, scratch)
    case LOG:
      return settleLog(envelope.logMessage, event, scratch)
    case CONTAINER:
      return settleContainer(envelope.containerMetric, envelope.timestamp, event, scratch)
    case USAGE:
      return settleUsage(envelope.usage, envelope.timestamp, event, scratch)
    default:
      return DISCARDED
  }
}

function settleHttp(http: HttpStartStop | undefined, event: AppEvent, scratch: Scratch): Verdict {
  event.kind = HTTP
  event.peerType = http === undefined ? 0 : (http.peerType ?? PEER_CLIENT)
  if (http?.applicationId === undefined) return NO_APP_GUID
  const { startTimestamp = 0n, stopTimestamp = 0n, applicationId } = http
  const duration = saturate(stopTimestamp - startTimestamp)

  event.guid = uuidText(applicationId)
  event.absent =
    (http.unsaid ?? 0) |
    (http.method === undefined ? ABSENT_METHOD : 0) |
    (http.statusCode === undefined ? ABSENT_STATUS : 0) |
    (http.contentLength === undefined ? ABSENT_LENGTH : 0) |
    (http.instanceIndex === undefined ? ABSENT_INSTANCE : 0)
  event.method = http.method ?? GET
  event.durationSeconds = Number(duration / NANOSECONDS_PER_SECOND)
  event.durationNanoseconds = Number(duration % NANOSECONDS_PER_SECOND)
  event.timestamp = scratch.length
  event.timestampEnd = event.instance = scratch.append(String(startTimestamp))
  event.instanceEnd = event.statusCode = scratch.append(String(http.instanceIndex ?? 0))
  event.statusCodeEnd = event.contentLength = scratch.append(String(http.statusCode ?? 0))
  event.contentLengthEnd = event.uri = scratch.append(String(http.contentLength ?? 0n))
  event.uriEnd = event.remoteAddress = scratch.append(http.uri ?? '')
  event.remoteAddressEnd = event.userAgent = scratch.append(http.remoteAddress ?? '')
  event.userAgentEnd = event.requestLow = scratch.append(http.userAgent ?? '')
  event.requestLowEnd = event.requestHigh = scratch.append(String(http.requestId?.low ?? ''))
  event.requestHighEnd = scratch.append(String(http.requestId?.high ?? ''))
  return POINT
}

function settleLog(log: LogMessage | undefined, event: AppEvent, scratch: Scratch): Verdict {
  event.kind = LOG
  if (log === undefined) return NO_APP_GUID
  const { source_type: source = '', app_id: guid = '' } = log
  const isRouterLog = source.startsWith('RTR')
  if (!isRouterLog && !source.startsWith('APP') && !source.startsWith('App')) return DISCARDED
  if (guid === '') return NO_APP_GUID

  event.guid = guid
  event.isRouterLog = isRouterLog
  event.messageType = log.message_type ?? OUT
  event.payloadSize = log.message?.size ?? 0
  event.payloadBytes = log.message?.bytes ?? NO_BYTES
  event.payload = 0
  event.payloadEnd = event.payloadBytes.length
  event.isBase64 = log.message?.isBase64 ?? false
  event.timestamp = scratch.length
  event.timestampEnd = event.instance = scratch.append(String(log.timestamp ?? 0n))
  event.instanceEnd = event.sourceType = scratch.append(log.source_instance ?? '')
  event.sourceTypeEnd = scratch.append(source)
  return POINT
}

function settleContainer(metric: ContainerMetric | undefined, timestamp: bigint | undefined, event: AppEvent, scratch: Scratch): Verdict {
  event.kind = CONTAINER
  const guid = metric?.applicationId ?? ''
  if (metric === undefined || guid === '') return NO_APP_GUID
  const { cpuPercentage: cpu = 0, memoryBytes = 0n, diskBytes = 0n, memoryBytesQuota = 0n, diskBytesQuota = 0n } = metric

  event.guid = guid
  event.absent = metric.instanceIndex === undefined ? ABSENT_INSTANCE : 0
  event.memoryBytes = Number(memoryBytes)
  event.diskBytes = Number(diskBytes)
  event.memoryQuotaBytes = Number(memoryBytesQuota)
  event.diskQuotaBytes = Number(diskBytesQuota)
  event.timestamp = scratch.length
  event.timestampEnd = event.instance = scratch.append(String(timestamp ?? 0n))
  event.instanceEnd = event.cpu = scratch.append(String(metric.instanceIndex ?? 0))
  event.cpuEnd = event.memory = scratch.append(Number.isFinite(cpu) ? formatFloat(cpu) : '')
  event.memoryEnd = event.disk = scratch.append(String(saturate(memoryBytes)))
  event.diskEnd = event.memoryQuota = scratch.append(String(saturate(diskBytes)))
  event.memoryQuotaEnd = event.diskQuota = scratch.append(String(saturate(memoryBytesQuota)))
  event.diskQuotaEnd = scratch.append(String(saturate(diskBytesQuota)))
  return POINT
}

function settleUsage(usage: Usage | undefined, timestamp: bigint | undefined, event: AppEvent, scratch: Scratch): Verdict {
  event.kind = USAGE
  if (usage === undefined || usage.applicationId === '') return NO_APP_GUID
  event.guid = usage.applicationId
  event.absent = usage.instanceIndex === undefined ? ABSENT_INSTANCE : 0
  event.timestamp = scratch.length
  event.timestampEnd = event.instance = scratch.append(String(timestamp ?? 0n))
  event.instanceEnd = scratch.append(String(usage.instanceIndex ?? 0))
  USAGE_METRICS.forEach((name, index) => {
    const value = usage.metrics.get(name)
    event.usage[2 * index] = scratch.length
    event.usage[2 * index + 1] = scratch.append(value !== undefined && Number.isFinite(value) ? formatFloat(value) : '')
  })
  return POINT
}

function saturate(value: bigint): bigint {
  if (value > MAX_INT64) return MAX_INT64
  return value < MIN_INT64 ? MIN_INT64 : value
}
