import type { Envelope, Payload } from '../envelope.ts'
import { loggregator } from '../generated/loggregator.js'
import { bigint, checkWireTypes, EnvelopeReader } from '../protobuf-reader.ts'
import { Undecodable } from '../undecodable.ts'
import type { V2Envelope, V2Value } from './envelope.ts'
import { toV1 } from './to-v1.ts'

/** What a Loggregator V2 envelope in protobuf says, as the V1 envelope that says the same. Throws {@link Undecodable}. */
export function readV2ProtobufEnvelope(message: Buffer): Envelope {
  try {
    return toV1(envelope(loggregator.Envelope.decode(new EnvelopeReader(message))))
  } catch (error) {
    throw new Undecodable(`not a V2 envelope in protobuf: ${(error as Error | Undecodable).message}`)
  }
}

/** Numbers of each message's fields. */
const ENVELOPE_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
const LOG_FIELDS = new Set([1, 2])
const GAUGE_FIELDS = new Set([1])
const METRIC_FIELDS = new Set([1, 2])
const TIMER_FIELDS = new Set([1, 2, 3])

function envelope(read: loggregator.Envelope.$Properties): V2Envelope {
  checkWireTypes(read, ENVELOPE_FIELDS)
  return {
    timestamp: bigint(read.timestamp),
    sourceId: read.source_id ?? undefined,
    instanceId: read.instance_id ?? undefined,
    tags: new Map(Object.entries(read.tags ?? {})),
    deprecatedTags: new Map(Object.entries(read.deprecated_tags ?? {}).map(([name, value]) => [name, anyValue(value)])),
    log: read.log ? log(read.log) : undefined,
    gauge: read.gauge ? gauge(read.gauge) : undefined,
    timer: read.timer ? timer(read.timer) : undefined,
  }
}

function anyValue({ text, integer, decimal }: loggregator.Value.$Properties): V2Value {
  return { text: text ?? undefined, integer: bigint(integer), decimal: decimal ?? undefined }
}

function log(read: loggregator.Log.$Properties): V2Envelope['log'] {
  checkWireTypes(read, LOG_FIELDS)
  const payload: Payload | undefined = read.payload ? { size: read.payload.length, bytes: read.payload, isBase64: false } : undefined
  return { payload, type: read.type ?? undefined }
}

function gauge(read: loggregator.Gauge.$Properties): V2Envelope['gauge'] {
  checkWireTypes(read, GAUGE_FIELDS)
  const metrics = Object.entries(read.metrics ?? {}).map(([name, metric]) => {
    checkWireTypes(metric, METRIC_FIELDS)
    return [name, { value: metric.value ?? undefined }] as const
  })
  return { metrics: new Map(metrics) }
}

function timer(read: loggregator.Timer.$Properties): V2Envelope['timer'] {
  checkWireTypes(read, TIMER_FIELDS)
  return { name: read.name ?? undefined, start: bigint(read.start), stop: bigint(read.stop) }
}
