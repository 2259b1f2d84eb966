import { CONTAINER, HTTP, LOG } from '../app-event.ts'
import type { ContainerMetric, Envelope, HttpStartStop, LogMessage } from './envelope.ts'
import { events } from './generated/envelope.js'
import { bigint, checkWireTypes, EnvelopeReader } from './protobuf-reader.ts'
import { Undecodable } from './undecodable.ts'

/** The envelope that a protobuf message says; of its sub-messages only the one that `eventType` names. Throws {@link Undecodable}. */
export function readProtobufEnvelope(message: Buffer): Envelope {
  try {
    const envelope = events.Envelope.decode(new EnvelopeReader(message))
    checkWireTypes(envelope, ENVELOPE_FIELDS)
    const { eventType } = envelope
    return {
      eventType,
      timestamp: bigint(envelope.timestamp),
      httpStartStop: eventType === HTTP && envelope.httpStartStop ? httpStartStop(envelope.httpStartStop) : undefined,
      logMessage: eventType === LOG && envelope.logMessage ? logMessage(envelope.logMessage) : undefined,
      containerMetric: eventType === CONTAINER && envelope.containerMetric ? containerMetric(envelope.containerMetric) : undefined,
    }
  } catch (error) {
    throw new Undecodable(`not an envelope in protobuf: ${(error as Error | Undecodable).message}`)
  }
}

function httpStartStop(http: events.HttpStartStop.$Properties): HttpStartStop {
  checkWireTypes(http, HTTP_FIELDS)
  return {
    startTimestamp: bigint(http.startTimestamp),
    stopTimestamp: bigint(http.stopTimestamp),
    peerType: http.peerType,
    method: http.method,
    uri: http.uri,
    remoteAddress: http.remoteAddress,
    userAgent: http.userAgent,
    requestId: http.requestId ? { low: bigint(http.requestId.low), high: bigint(http.requestId.high) } : undefined,
    statusCode: http.statusCode,
    contentLength: bigint(http.contentLength),
    applicationId: http.applicationId ? { low: bigint(http.applicationId.low), high: bigint(http.applicationId.high) } : undefined,
    // Where it is absent, the prototype has 0.
    instanceIndex: Object.hasOwn(http, 'instanceIndex') ? (http.instanceIndex ?? undefined) : undefined,
  }
}

function logMessage(log: events.LogMessage.$Properties): LogMessage {
  checkWireTypes(log, LOG_FIELDS)
  return {
    message: { size: log.message.length, bytes: log.message, isBase64: false },
    message_type: log.message_type,
    timestamp: bigint(log.timestamp),
    app_id: log.app_id ?? undefined,
    source_type: log.source_type ?? undefined,
    source_instance: log.source_instance ?? undefined,
  }
}

function containerMetric(metric: events.ContainerMetric.$Properties): ContainerMetric {
  checkWireTypes(metric, CONTAINER_FIELDS)
  return {
    applicationId: metric.applicationId,
    instanceIndex: metric.instanceIndex,
    cpuPercentage: metric.cpuPercentage,
    memoryBytes: bigint(metric.memoryBytes),
    diskBytes: bigint(metric.diskBytes),
    memoryBytesQuota: bigint(metric.memoryBytesQuota),
    diskBytesQuota: bigint(metric.diskBytesQuota),
  }
}

/** Numbers of each message's fields, for {@link checkWireTypes}. */
const ENVELOPE_FIELDS = new Set([1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
const HTTP_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15])
const LOG_FIELDS = new Set([1, 2, 3, 4, 5, 6])
const CONTAINER_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7])
