import { CONTAINER, HTTP, LOG } from '../../app-event.ts'
import type { Envelope, Payload, Uuid } from '../envelope.ts'
import { Undecodable } from '../undecodable.ts'
import type { V2Envelope } from './envelope.ts'
import { readV2Json } from './json.ts'
import { textOf, toV1 } from './to-v1.ts'

/** Tags that V1 has fields for. */
const OF_ENVELOPE = ['origin', 'deployment', 'job', 'index', 'ip'] as const
const OF_REQUEST = [
  ...['peer_type', 'method', 'request_id', 'uri', 'remote_address', 'user_agent', 'status_code', 'content_length', 'routing_instance_id'],
  'forwarded',
]
const OF_LOG = ['source_type']
const NEVER = '__v1_type'

/** The same as a message; undefined also of what is no V2 envelope in JSON. */
export function v1MessageOf(message: Buffer): Buffer | undefined {
  try {
    const json = v1JsonOf(message)
    return json === undefined ? undefined : Buffer.from(json)
  } catch (error) {
    if (error instanceof Undecodable) return undefined
    throw error
  }
}

/**
 * The V1 envelope that says the same as a V2 one in JSON, as Go writes dropsonde's type (and kafka-firehose-nozzle with it): what go-loggregator's
 * `conversion.ToV1` makes, with the differences that {@link toV1} has. Undefined where V1 has no event of an app for it. Throws what {@link readV2Json} throws.
 */
export function v1JsonOf(message: Buffer): string | undefined {
  const v2 = readV2Json(message)
  const v1 = toV1(v2)
  const tags = tagsOf(v2)
  const event = eventOf(v1, tags)
  if (event === undefined) return undefined
  const { sourceId = '', timestamp = 0n } = v2
  const rest = new Map([...tags].filter(([name]) => name !== NEVER && !(OF_ENVELOPE as readonly string[]).includes(name)))
  for (const name of event.tags) rest.delete(name)
  if (sourceId !== '') rest.set('source_id', sourceId)
  const [origin, ...places] = OF_ENVELOPE.map((name) => [name, JSON.stringify(tags.get(name) ?? '')] as const)
  return object([
    origin as readonly [string, string],
    ['eventType', String(v1.eventType)],
    ['timestamp', String(timestamp)],
    ...places,
    [
      'tags',
      rest.size === 0
        ? undefined
        : object(
            [...rest]
              .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
              .map(([name, text]) => [name, JSON.stringify(text)]),
          ),
    ],
    [event.key, object(event.members)],
  ])
}

type Members = readonly (readonly [name: string, json: string | undefined])[]

function eventOf(v1: Envelope, tags: ReadonlyMap<string, string>) {
  if (v1.eventType === HTTP) return { key: 'httpStartStop', members: requestMembers(v1, tags), tags: OF_REQUEST }
  if (v1.eventType === LOG) return { key: 'logMessage', members: logMembers(v1), tags: OF_LOG }
  if (v1.eventType === CONTAINER) return { key: 'containerMetric', members: containerMembers(v1), tags: [] }
  return undefined
}

function requestMembers({ httpStartStop: http = {} }: Envelope, tags: ReadonlyMap<string, string>): Members {
  return [
    ['startTimestamp', String(http.startTimestamp ?? 0n)],
    ['stopTimestamp', String(http.stopTimestamp ?? 0n)],
    ['requestId', uuid(http.requestId)],
    ['peerType', String(http.peerType ?? 0)],
    ['method', String(http.method ?? 0)],
    ['uri', JSON.stringify(http.uri ?? '')],
    ['remoteAddress', JSON.stringify(http.remoteAddress ?? '')],
    ['userAgent', JSON.stringify(http.userAgent ?? '')],
    ['statusCode', String(http.statusCode ?? 0)],
    ['contentLength', String(http.contentLength ?? 0n)],
    ['applicationId', uuid(http.applicationId)],
    ['instanceIndex', String(http.instanceIndex ?? 0)],
    ['instanceId', JSON.stringify(tags.get('routing_instance_id') ?? '')],
    ['forwarded', JSON.stringify((tags.get('forwarded') ?? '').split('\n'))],
  ]
}

function logMembers({ logMessage: log = {} }: Envelope): Members {
  return [
    ['message', payload(log.message)],
    ['message_type', String(log.message_type)],
    ['timestamp', String(log.timestamp ?? 0n)],
    ['app_id', JSON.stringify(log.app_id ?? '')],
    ['source_type', JSON.stringify(log.source_type ?? '')],
    ['source_instance', JSON.stringify(log.source_instance ?? '')],
  ]
}

function containerMembers({ containerMetric: usage = {} }: Envelope): Members {
  const { cpuPercentage: cpu = 0 } = usage
  return [
    ['applicationId', JSON.stringify(usage.applicationId ?? '')],
    ['instanceIndex', String(usage.instanceIndex ?? 0)],
    // JSON has no other.
    ['cpuPercentage', Number.isFinite(cpu) ? JSON.stringify(cpu) : undefined],
    ['memoryBytes', String(usage.memoryBytes ?? 0n)],
    ['diskBytes', String(usage.diskBytes ?? 0n)],
    ['memoryBytesQuota', String(usage.memoryBytesQuota ?? 0n)],
    ['diskBytesQuota', String(usage.diskBytesQuota ?? 0n)],
  ]
}

function tagsOf({ tags = new Map(), deprecatedTags }: V2Envelope): ReadonlyMap<string, string> {
  const all = new Map(tags)
  for (const [name, value] of deprecatedTags ?? []) if (!all.has(name)) all.set(name, textOf(value) ?? '')
  return all
}

function object(members: Members): string {
  return `{${members.flatMap(([name, json]) => (json === undefined ? [] : [`${JSON.stringify(name)}:${json}`])).join()}}`
}

function uuid(id: Uuid | undefined): string | undefined {
  return id === undefined ? undefined : `{"low":${id.low ?? 0n},"high":${id.high ?? 0n}}`
}

/** In base64 as everybody writes it, whatever the padding and the spare bits were; Go leaves out what is empty. */
function payload({ bytes, isBase64, size }: Payload = { bytes: Buffer.of(), isBase64: false, size: 0 }): string | undefined {
  if (size === 0) return undefined
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const plain = isBase64 ? Buffer.from(given.toString('latin1'), 'base64') : given
  return `"${plain.toString('base64')}"`
}
