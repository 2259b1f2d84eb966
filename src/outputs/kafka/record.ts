import type { App } from '../../cloud-foundry/app.ts'
import type { AppEvent } from '../../cloud-foundry/app-event.ts'
import { DocumentEncoder } from '../../cloud-foundry/documents/document.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import type { EventEncoder } from '../../cloud-foundry/translator.ts'
import type { Ack, Records } from '../../flow/contracts.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { kindNameOf, NameTemplate, secondsOf } from '../name-template.ts'
import { EnvelopeHeaders, NO_HEADERS } from './envelope-headers.ts'

/** What a topic may not have in its name (Kafka's rule). */
const FORBIDDEN = /[^a-zA-Z0-9._-]/g

/** Messages on their way to Kafka, and the bytes that they lie in. */
export interface Outgoing {
  readonly bytes: Buffer
  readonly messages: readonly OutgoingMessage[]
}

/** Where a message has what: its key (none where `keyLength` is below 0), its headers as Kafka's records have them, its value. */
export interface OutgoingMessage {
  readonly topic: string
  /** Since 1970. */
  readonly ms: number
  readonly keyAt: number
  readonly keyLength: number
  readonly headersAt: number
  readonly valueAt: number
  readonly end: number
}

export interface MessageEncoderOptions {
  readonly topic: string
  readonly key: 'app' | 'none'
  readonly format: 'document' | 'envelope'
  readonly maxBytes: number
}

/** Of each record, before topic, key, headers and value: lengths of the first three (16, 16 and 32 bits), and the time in ms (a double). */
const KEY_LENGTH_AT = 2
const HEADERS_LENGTH_AT = 4
const MS_AT = 8
const HEAD_BYTES = 16

/**
 * Writes an event as a message for Kafka, in a form of our own: what {@link OutgoingMessage} tells, then the value, which is a document,
 * or the envelope as it came.
 */
export class MessageEncoder implements EventEncoder {
  readonly passesMessagesOn: boolean
  readonly #options: MessageEncoderOptions
  readonly #documents: DocumentEncoder
  readonly #topics: NameTemplate
  readonly #keys = new PerApp((app) => Buffer.from(app.owner.app.id || (app.container?.id ?? '')))
  readonly #headers = new EnvelopeHeaders()

  constructor(options: MessageEncoderOptions) {
    this.#options = options
    this.passesMessagesOn = options.format === 'envelope'
    this.#documents = new DocumentEncoder(options)
    this.#topics = new NameTemplate({ template: options.topic, forbidden: FORBIDDEN })
  }

  /** Documents whose message was cut. */
  get truncated(): number {
    return this.#documents.truncated
  }

  encode(event: AppEvent, app: App, message: Uint8Array, buffer: ByteBuffer, ack: Ack, index: number): undefined {
    const { kind, view, timestamp, timestampEnd } = event
    const { key, format } = this.#options
    const topic = this.#topics.of(kindNameOf(kind), secondsOf(view, timestamp, timestampEnd), app)
    const keyBytes = key === 'app' ? this.#keys.of(app) : undefined
    buffer.reserve(HEAD_BYTES + topic.length + (keyBytes?.length ?? 0) + NO_HEADERS.length)
    const start = buffer.length
    buffer.length += HEAD_BYTES
    buffer.appendAscii(topic)
    if (keyBytes !== undefined) append(keyBytes, buffer)
    const headersAt = buffer.length
    if (format === 'envelope') this.#headers.append(app, ack, index, buffer)
    else append(NO_HEADERS, buffer)
    buffer.view.setUint16(start, topic.length)
    buffer.view.setInt16(start + KEY_LENGTH_AT, keyBytes?.length ?? -1)
    buffer.view.setUint32(start + HEADERS_LENGTH_AT, buffer.length - headersAt)
    const ms = format === 'envelope' ? ack.timeOf?.(index) : undefined
    buffer.view.setFloat64(start + MS_AT, ms ?? millisecondsOf(view, timestamp, timestampEnd))
    if (format === 'envelope') {
      buffer.reserve(message.length)
      append(message, buffer)
    } else this.#documents.append(event, app, ack, index, buffer)
  }
}

/** The messages of records that {@link MessageEncoder} has written. */
export function outgoing(records: Records): Outgoing {
  const bytes = Buffer.from(records.bytes.buffer, records.bytes.byteOffset, records.bytes.length)
  const messages = Array.from({ length: records.count }, (_, record) => {
    const start = record === 0 ? 0 : records.endOf(record - 1)
    const topicAt = start + HEAD_BYTES
    const keyAt = topicAt + bytes.readUInt16BE(start)
    const keyLength = bytes.readInt16BE(start + KEY_LENGTH_AT)
    const headersAt = keyAt + Math.max(0, keyLength)
    return {
      topic: bytes.toString('latin1', topicAt, keyAt),
      ms: bytes.readDoubleBE(start + MS_AT),
      keyAt,
      keyLength,
      headersAt,
      valueAt: headersAt + bytes.readUInt32BE(start + HEADERS_LENGTH_AT),
      end: records.endOf(record),
    }
  })
  return { bytes, messages }
}

/** The room is reserved. */
function append(bytes: Uint8Array, buffer: ByteBuffer): void {
  buffer.bytes.set(bytes, buffer.length)
  buffer.length += bytes.length
}

const MINUS = 0x2d
const ZERO = 0x30
const NANOSECONDS_IN_MS_DIGITS = 6

/** Kafka knows no time before 1970. */
function millisecondsOf(view: DataView, start: number, end: number): number {
  if (view.getUint8(start) === MINUS) return 0
  let ms = 0
  for (let at = start; at < end - NANOSECONDS_IN_MS_DIGITS; at++) ms = ms * 10 + view.getUint8(at) - ZERO
  return ms
}
