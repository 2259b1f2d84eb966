import type { App } from '../../cloud-foundry/app.ts'
import { type AppEvent, CONTAINER, HTTP } from '../../cloud-foundry/app-event.ts'
import { DocumentEncoder } from '../../cloud-foundry/documents/document.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import type { EventEncoder } from '../../cloud-foundry/translator.ts'
import type { Ack, Records } from '../../flow/contracts.ts'
import { EVENT_ID_HEADER } from '../../kafka/headers.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { NameTemplate, secondsOf } from '../name-template.ts'

/** What a topic may not have in its name (Kafka's rule). */
const FORBIDDEN = /[^a-zA-Z0-9._-]/g

/** A message on its way to Kafka. Its value is a view of the records. */
export interface OutgoingMessage {
  readonly topic: string
  readonly key: Buffer | null
  /** In ms since 1970, decimal. */
  readonly timestamp: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: Buffer
}

export interface MessageEncoderOptions {
  readonly topic: string
  readonly key: 'app' | 'none'
  readonly format: 'document' | 'envelope'
  readonly maxBytes: number
}

interface AppTexts {
  readonly guid: string
  /** `[["cfmr-app","…"],…` of the headers that depend on the app alone. */
  readonly headers: readonly (readonly [string, string])[]
}

const LENGTH_BYTES = 4

/**
 * Writes an event as a message for Kafka, in a form of our own: a JSON array of topic, key, time and headers, and the value, each with
 * its length before it. The value is a document, or the envelope as it came.
 */
export class MessageEncoder implements EventEncoder {
  readonly #options: MessageEncoderOptions
  readonly #documents: DocumentEncoder
  readonly #topics: NameTemplate
  readonly #apps = new PerApp(textsOf)

  constructor(options: MessageEncoderOptions) {
    this.#options = options
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
    const texts = this.#apps.of(app)
    const topic = this.#topics.of(
      kind === HTTP ? 'http' : kind === CONTAINER ? 'container' : 'log',
      secondsOf(view, timestamp, timestampEnd),
      app,
    )
    const ms = millisecondsOf(view, timestamp, timestampEnd)
    const headers = format === 'document' ? [] : [...texts.headers, ...whereFrom(ack, index)]
    const meta = JSON.stringify([topic, key === 'app' ? texts.guid : null, ms, headers])
    buffer.reserve(2 * LENGTH_BYTES + 3 * meta.length + message.length)
    const metaAt = buffer.length
    buffer.length += LENGTH_BYTES
    buffer.appendText(meta)
    buffer.view.setUint32(metaAt, buffer.length - metaAt - LENGTH_BYTES)
    if (format === 'envelope') {
      buffer.bytes.set(message, buffer.length)
      buffer.length += message.length
    } else this.#documents.append(event, app, ack, index, buffer)
  }
}

/** The messages of records that {@link MessageEncoder} has written. */
export function messagesOf(records: Records): OutgoingMessage[] {
  const bytes = Buffer.from(records.bytes.buffer, records.bytes.byteOffset, records.bytes.length)
  return Array.from({ length: records.count }, (_, record) => {
    const start = record === 0 ? 0 : records.endOf(record - 1)
    const metaAt = start + LENGTH_BYTES
    const valueAt = metaAt + bytes.readUInt32BE(start)
    const [topic, key, ms, headers] = JSON.parse(bytes.toString('utf8', metaAt, valueAt)) as [
      string,
      string | null,
      string,
      [string, string][],
    ]
    return {
      topic,
      key: key === null ? null : Buffer.from(key),
      timestamp: ms,
      headers: Object.fromEntries(headers),
      value: bytes.subarray(valueAt, records.endOf(record)),
    }
  })
}

function textsOf(app: App): AppTexts {
  const { owner } = app
  const headers = Object.entries({
    'cfmr-app': owner.app.name,
    'cfmr-app-guid': owner.app.id,
    'cfmr-space': owner.space.name,
    'cfmr-org': owner.org.name,
  }).filter(([, value]) => value !== '')
  return { guid: owner.app.id, headers }
}

function whereFrom(ack: Ack, index: number): [string, string][] {
  const offset = ack.offsetOf(index)
  return [
    [EVENT_ID_HEADER, ack.source.idOf(offset)],
    ['cfmr-topic', ack.topic],
    ['cfmr-partition', String(ack.partition)],
    ['cfmr-offset', String(offset)],
  ]
}

const MINUS = 0x2d
const NANOSECONDS_IN_MS_DIGITS = 6

/** Kafka knows no time before 1970. */
function millisecondsOf(view: DataView, start: number, end: number): string {
  if (view.getUint8(start) === MINUS || end - start <= NANOSECONDS_IN_MS_DIGITS) return '0'
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + start, end - start - NANOSECONDS_IN_MS_DIGITS).toString('latin1')
}
