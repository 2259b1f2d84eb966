import type { App } from '../../cloud-foundry/app.ts'
import {
  ABSENT_METHOD,
  ABSENT_STATUS,
  type AppEvent,
  CONTAINER_EVENT,
  CONTAINER_USAGE,
  HTTP,
  LOG,
  textAt,
  USAGE,
  USAGE_METRICS,
} from '../../cloud-foundry/app-event.ts'
import { cutAt, payloadOf } from '../../cloud-foundry/documents/payload.ts'
import { METHODS } from '../../cloud-foundry/methods.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import { type EventEncoder, NOT_TAKEN } from '../../cloud-foundry/translator.ts'
import type { Ack } from '../../flow/contracts.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'

/** The Cloud Foundry Foundation's number, under which its own agent writes. */
const ENTERPRISE = 47450
/** Facility 1 (user), severities info and error: as Cloud Foundry's agent writes. */
const PRIORITY_OUT = 14
const PRIORITY_ERR = 11
const MESSAGE_ERR = 2
const LONGEST_HOST_PART = 63
const LONGEST_APP_NAME = 48
const LONGEST_PROCID = 128
const NUL = 0
const LF = 0x0a
const LENGTH_BYTES = 4

export interface FrameEncoderOptions {
  /** Of a whole message. */
  readonly maxBytes: number
  /** Write each LF within as `\n`, for receivers that take one for the end. */
  readonly escapesLf: boolean
  /** Requests and usage, too, as structured data. */
  readonly metrics: boolean
}

interface AppTexts {
  readonly host: string
  readonly guid: string
  readonly tags: string
  readonly appId: string
}

/**
 * Writes events as syslog messages (RFC 5424) in the shape in which Cloud Foundry's own agent writes them, since receivers have parsers for it:
 * HOSTNAME `org.space.app`, APP-NAME the app's GUID, PROCID `[APP/PROC/WEB/0]`, names in `tags@47450`. A record is each of its
 * messages behind its length in four bytes.
 */
export class FrameEncoder implements EventEncoder {
  readonly #options: FrameEncoderOptions
  readonly #apps = new PerApp(textsOf)
  /** Messages that were cut. */
  truncated = 0

  constructor(options: FrameEncoderOptions) {
    this.#options = options
  }

  encode(event: AppEvent, app: App, _message: Uint8Array, buffer: ByteBuffer, ack: Ack, index: number): typeof NOT_TAKEN | undefined {
    const { kind } = event
    if (kind !== LOG && !this.#options.metrics) return NOT_TAKEN
    const texts = this.#apps.of(app)
    const id = ack.source.idOf(ack.offsetOf(index))
    if (kind === LOG) this.#appendLog(event, texts, id, buffer)
    else
      for (const data of kind === HTTP ? [timer(event)] : kind === CONTAINER_EVENT ? [happening(event)] : gauges(event))
        this.#appendMetric(event, texts, id, data, buffer)
    return undefined
  }

  #appendLog(event: AppEvent, texts: AppTexts, id: string, buffer: ByteBuffer): void {
    const { messageType, sourceType, sourceTypeEnd, instance, instanceEnd } = event
    const source = wordsAt(event, sourceType, sourceTypeEnd)
    const process = textAt(event, instance, instanceEnd)
    const priority = messageType === MESSAGE_ERR ? PRIORITY_ERR : PRIORITY_OUT
    const procId = printable(`[${source.toUpperCase()}${process === '' ? '' : `/${process}`}]`, LONGEST_PROCID)
    const header = `<${priority}>1 ${timeOf(event)} ${texts.host} ${texts.guid} ${procId} - `
    const tags = `${param('instance_id', process)}${param('source_type', source)}`
    this.#append(header, texts, tags, id, '] ', payloadOf(event), buffer)
  }

  #appendMetric(event: AppEvent, texts: AppTexts, id: string, data: string, buffer: ByteBuffer): void {
    const process = textAt(event, event.instance, event.instanceEnd)
    const procId = printable(`[${process || '0'}]`, LONGEST_PROCID)
    const header = `<${PRIORITY_OUT}>1 ${timeOf(event)} ${texts.host} ${texts.guid} ${procId} - ${data}`
    this.#append(header, texts, param('instance_id', process), id, ']', new Uint8Array(0), buffer)
  }

  #append(header: string, texts: AppTexts, tags: string, id: string, end: string, payload: Uint8Array, buffer: ByteBuffer): void {
    const { maxBytes, escapesLf } = this.#options
    const eventId = param('event_id', id)
    const message = cleaned(payload, escapesLf)
    let head = Buffer.from(`${header}[tags@${ENTERPRISE}${texts.tags}${tags}${eventId}`)
    const isCut = head.length + end.length + message.length + 1 > maxBytes
    if (isCut) this.truncated++
    const tail = Buffer.from(isCut ? ` truncated="true"${end}` : end)
    // Where not even the names fit, whose it is and which.
    if (head.length + tail.length + 1 > maxBytes) head = Buffer.from(`${header}[tags@${ENTERPRISE}${texts.appId}${eventId}`)
    const room = Math.max(0, maxBytes - head.length - tail.length - 1)
    const kept = isCut ? message.subarray(0, cutAt(message, room)) : message
    const size = head.length + tail.length + kept.length + 1
    buffer.reserve(LENGTH_BYTES + size)
    buffer.view.setUint32(buffer.length, size)
    buffer.length += LENGTH_BYTES
    for (const piece of [head, tail, kept]) {
      buffer.bytes.set(piece, buffer.length)
      buffer.length += piece.length
    }
    // Within the count of octets, as Cloud Foundry's agent has it.
    buffer.appendByte(LF)
  }
}

/** The messages of a record, without their lengths. */
export function* framesOf(bytes: Buffer, start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end; ) {
    const size = bytes.readUInt32BE(at)
    yield bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + size)
    at += LENGTH_BYTES + size
  }
}

function textsOf(app: App): AppTexts {
  const { owner } = app
  const part = ({ name, id }: { name: string; id: string }) => (name || id).replace(/[^A-Za-z0-9-]+/g, '-').slice(0, LONGEST_HOST_PART)
  const names = [owner.org, owner.space, owner.app].map(part).filter((text) => text !== '')
  const appId = param('app_id', owner.app.id)
  const tags = [
    param('organization_id', owner.org.id),
    param('organization_name', owner.org.name),
    param('space_id', owner.space.id),
    param('space_name', owner.space.name),
    appId,
    param('app_name', owner.app.name),
  ].join('')
  return { host: names.join('.') || '-', guid: printable(owner.app.id, LONGEST_APP_NAME) || '-', tags, appId }
}

/** ` name="value"`, with what RFC 5424 wants escaped; '' where there is no value. */
function param(name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  return value === '' ? '' : ` ${name}="${value.replace(/[\u0000-\u001f\u007f]+/g, ' ').replace(/["\\\]]/g, '\\$&')}"`
}

function printable(text: string, longest: number): string {
  return text.replace(/[^!-~]+/g, '-').slice(0, longest)
}

/** Of a span that may be what a JSON string has between its quotes. */
function wordsAt(event: AppEvent, start: number, end: number): string {
  const text = textAt(event, start, end)
  return event.isJsonText && text.includes('\\') ? JSON.parse(`"${text}"`) : text
}

/** RFC 5424 has at most microseconds. */
function timeOf(event: AppEvent): string {
  const ns = BigInt(textAt(event, event.timestamp, event.timestampEnd))
  const us = (((ns / 1000n) % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = Number((ns / 1000n - us) / 1_000_000n)
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(us).padStart(6, '0')}+00:00`
}

/** Without NULs, and where a line feed would end the message, without those. */
function cleaned(payload: Uint8Array, escapesLf: boolean): Uint8Array {
  const has = (byte: number) => payload.includes(byte)
  if (!has(NUL) && !(escapesLf && has(LF))) return payload
  const text = Buffer.from(payload).toString('latin1').replaceAll('\0', '')
  return Buffer.from(escapesLf ? text.replaceAll('\n', '\\n') : text, 'latin1')
}

function timer(event: AppEvent): string {
  const duration = event.durationSeconds + event.durationNanoseconds / 1e9
  const method = event.absent & ABSENT_METHOD ? '' : (METHODS[event.method] ?? String(event.method))
  const status = event.absent & ABSENT_STATUS ? '' : textAt(event, event.statusCode, event.statusCodeEnd)
  const uri = wordsAt(event, event.uri, event.uriEnd)
  return `[timer@${ENTERPRISE} name="http" duration="${duration}"${param('method', method)}${param('status_code', status)}${param('uri', uri)}]`
}

/** As Diego's rep names them. */
const USAGE_UNITS = ['nanoseconds', 'nanoseconds', 'nanoseconds', 'percentage', 'B/s', 'B/s']

/** Of what is no size. */
const READING_UNITS: Readonly<Record<string, string>> = {
  cpu: 'percentage',
  pids: 'count',
  throttled_seconds: 'seconds',
  ...Object.fromEntries(['rx_dropped', 'rx_errors', 'tx_dropped', 'tx_errors'].map((name) => [name, 'count'])),
}

function happening({ happening: { action, exitCode = '', signal = '', isOom } }: AppEvent): string {
  const more = `${param('exit_code', exitCode)}${param('signal', signal)}${isOom === true ? param('oom', 'true') : ''}`
  return `[event@${ENTERPRISE} name="container_event"${param('action', action)}${more}]`
}

function gauges(event: AppEvent): string[] {
  const gauge = (name: string, value: string, unit: string) =>
    value === '' ? [] : [`[gauge@${ENTERPRISE} name="${name}" value="${value}" unit="${unit}"]`]
  if (event.kind === USAGE) {
    return USAGE_METRICS.flatMap((name, index) => {
      const value = textAt(event, event.usage[2 * index] as number, event.usage[2 * index + 1] as number)
      return gauge(name, value, USAGE_UNITS[index] as string)
    })
  }
  if (event.kind === CONTAINER_USAGE) {
    return Object.entries(event.readings).flatMap(([name, value]) => gauge(name, value, READING_UNITS[name] ?? 'bytes'))
  }
  return [
    ...gauge('cpu', textAt(event, event.cpu, event.cpuEnd), 'percentage'),
    ...gauge('memory', textAt(event, event.memory, event.memoryEnd), 'bytes'),
    ...gauge('disk', textAt(event, event.disk, event.diskEnd), 'bytes'),
    ...gauge('memory_quota', textAt(event, event.memoryQuota, event.memoryQuotaEnd), 'bytes'),
    ...gauge('disk_quota', textAt(event, event.diskQuota, event.diskQuotaEnd), 'bytes'),
  ]
}
