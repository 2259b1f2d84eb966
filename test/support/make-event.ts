import { AppEvent } from '../../src/cloud-foundry/app-event.ts'

/** What an event says, its spans as text. */
export interface EventFields {
  readonly kind: number
  readonly timestamp: string
  readonly instance: string
  readonly method?: number
  readonly statusCode?: string
  readonly contentLength?: string
  readonly durationSeconds?: number
  readonly durationNanoseconds?: number
  readonly messageType?: number
  readonly isRouterLog?: boolean
  readonly payloadSize?: number
  readonly cpu?: string
  readonly memory?: string
  readonly disk?: string
  readonly memoryQuota?: string
  readonly diskQuota?: string
}

/** As a decoder makes it; the spans are surrounded by bytes that mean nothing. */
export function makeEvent(fields: EventFields): AppEvent {
  const { kind, timestamp, instance, statusCode = '0', contentLength = '0', cpu = '0', memory = '0', disk = '0' } = fields
  const { memoryQuota = '0', diskQuota = '0' } = fields
  const spans = { timestamp, instance, statusCode, contentLength, cpu, memory, disk, memoryQuota, diskQuota }
  const bytes = Uint8Array.from(Buffer.from(`~~~${Object.values(spans).join('~')}${'~'.repeat(16)}`))
  const event = new AppEvent()
  let at = 3
  for (const [name, text] of Object.entries(spans)) {
    const end = at + Buffer.byteLength(text)
    Object.assign(event, { [name]: at, [`${name}End`]: end })
    at = end + 1
  }
  const { method = 1, durationSeconds = 0, durationNanoseconds = 0, messageType = 1, isRouterLog = false, payloadSize = 0 } = fields
  return Object.assign(event, {
    ...{
      kind,
      bytes,
      view: new DataView(bytes.buffer),
      method,
      durationSeconds,
      durationNanoseconds,
      messageType,
      isRouterLog,
      payloadSize,
    },
    ...{ memoryBytes: Number(memory), diskBytes: Number(disk), memoryQuotaBytes: Number(memoryQuota), diskQuotaBytes: Number(diskQuota) },
  })
}
