import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { METHODS } from '../../src/cloud-foundry/methods.ts'

interface Uuid {
  readonly low?: string | number
  readonly high?: string | number
}

interface Fields {
  readonly [name: string]: unknown
}

const MAX_INT64 = 2n ** 63n - 1n

/** The numbers beyond 2^53 of a JSON text as strings, so that they stay exact. Only where no string looks like a number. */
export function parseExactly(json: string): Fields {
  return JSON.parse(json.replace(/([:[])(-?\d{16,})(?=[,}\]])/g, '$1"$2"')) as Fields
}

/**
 * The document that ENDS.md promises for an envelope of a point, made the plain way: from parsed JSON to an object, absent and empty left out. `id` is
 * not made here.
 */
export function expectedDocument(envelope: Fields, app: AppMetadata, id: string): object {
  const { httpStartStop, logMessage, containerMetric } = envelope as Record<string, Fields | undefined>
  const kind = Number(envelope['eventType'] ?? 4)
  const owner = { app: named(app.app_guid, app.app), space: named(app.space_guid, app.space), org: named(app.org_guid, app.org) }
  const withInstance = (instance: unknown) => ({
    ...owner,
    app: { ...owner.app, ...(instance === undefined || instance === null ? {} : { instance: { id: String(instance).toWellFormed() } }) },
  })
  if (kind === 4 && httpStartStop) {
    const http = httpStartStop
    const duration = saturate(BigInt(String(http['stopTimestamp'] ?? 0)) - BigInt(String(http['startTimestamp'] ?? 0)))
    return lean({
      '@timestamp': time(http['startTimestamp'] ?? 0),
      cloudfoundry: { ...withInstance(http['instanceIndex']), peer_type: [undefined, 'client', 'server'][Number(http['peerType'] ?? 1)] },
      http: {
        request: {
          method: http['method'] == null ? undefined : (METHODS[Number(http['method'])] ?? String(http['method'])),
          id: uuid(http['requestId'] as Uuid),
        },
        response: {
          status_code: http['statusCode'] ?? undefined,
          body:
            http['contentLength'] == null || Number(http['contentLength']) === -1 ? undefined : { bytes: Number(http['contentLength']) },
        },
      },
      url: { original: http['uri'] },
      user_agent: { original: http['userAgent'] },
      source: { address: http['remoteAddress'] },
      event: { id, kind: 'event', dataset: 'cloudfoundry.http', duration: Number(duration) },
    })
  }
  if (kind === 5 && logMessage) {
    const text = Buffer.from(String(logMessage['message'] ?? ''), 'base64').toString()
    const stream = { 1: 'stdout', 2: 'stderr' }[Number(logMessage['message_type'] ?? 1)]
    const document = lean({
      '@timestamp': time(logMessage['timestamp'] ?? 0),
      cloudfoundry: withInstance(logMessage['source_instance'] === '' ? undefined : logMessage['source_instance']),
      log: { iostream: stream, logger: logMessage['source_type'] },
      event: { id, kind: 'event', dataset: 'cloudfoundry.log' },
    })
    return { ...document, message: text.replace(/\n$/, '') }
  }
  const metric = containerMetric ?? {}
  const bytes = (name: string) => Number(saturate(BigInt(String(metric[name] ?? 0))))
  return lean({
    '@timestamp': time(envelope['timestamp'] ?? 0),
    cloudfoundry: {
      ...withInstance(metric['instanceIndex']),
      container: {
        cpu: { pct: Number(metric['cpuPercentage'] ?? 0) / 100 },
        memory: { bytes: bytes('memoryBytes'), quota: { bytes: bytes('memoryBytesQuota') } },
        disk: { bytes: bytes('diskBytes'), quota: { bytes: bytes('diskBytesQuota') } },
      },
    },
    event: { id, kind: 'metric', dataset: 'cloudfoundry.container' },
  })
}

function named(id: string, name: string): object {
  return { id, name }
}

function saturate(value: bigint): bigint {
  return value > MAX_INT64 ? MAX_INT64 : value < -MAX_INT64 - 1n ? -MAX_INT64 - 1n : value
}

function time(ns: unknown): string {
  const total = BigInt(String(ns))
  const fraction = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = new Date(Number((total - fraction) / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  return `${seconds}.${String(fraction).padStart(9, '0')}Z`
}

function uuid(value: Uuid | null | undefined): string | undefined {
  if (value == null) return undefined
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64LE(BigInt(value.low ?? 0), 0)
  bytes.writeBigUInt64LE(BigInt(value.high ?? 0), 8)
  if (bytes.every((byte) => byte === 0)) return undefined
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Without what is absent or empty, objects that become empty included. */
function lean(value: unknown): object {
  const entries = Object.entries(value as object).flatMap(([key, child]) => {
    const kept = typeof child === 'object' && child !== null ? lean(child) : child
    const isEmpty = kept === undefined || kept === null || kept === '' || (typeof kept === 'object' && Object.keys(kept).length === 0)
    return isEmpty ? [] : [[key, kept]]
  })
  return Object.fromEntries(entries)
}
