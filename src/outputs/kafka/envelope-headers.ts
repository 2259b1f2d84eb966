import type { App } from '../../cloud-foundry/app.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import type { Ack } from '../../flow/contracts.ts'
import { EVENT_ID_LENGTH, type Header } from '../../flow/event-source.ts'
import { EVENT_ID_HEADER } from '../../kafka/headers.ts'
import { putVarint } from '../../kafka/varint.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'

/** What Kafka's records have in place of headers where there are none. */
export const NO_HEADERS = Buffer.of(0)

/** Headers, each as records have it, one behind the other. */
interface Encoded {
  readonly count: number
  readonly bytes: Buffer
}

const APP = ['cfmr-app', 'cfmr-app-guid', 'cfmr-space', 'cfmr-org']
const [TOPIC, PARTITION, OFFSET] = ['cfmr-topic', 'cfmr-partition', 'cfmr-offset'] as const
const OURS: ReadonlySet<string> = new Set([...APP, TOPIC, PARTITION, OFFSET, EVENT_ID_HEADER])

const LONGEST_VARINT = 5
const LONGEST_OFFSET = 16
const OFFSET_KEY = keyOf(OFFSET)
const EVENT_ID_START = Buffer.concat([keyOf(EVENT_ID_HEADER), varint(EVENT_ID_LENGTH)])

/** The headers of an envelope: those it came with, whose it is, and where it came from. */
export class EnvelopeHeaders {
  readonly #ofApps = new PerApp(appHeaders)
  #ack: Ack | undefined
  /** Topic and partition of `#ack`. */
  #from: Buffer = NO_HEADERS

  /** Appends all of them, their number first. Reserves the room. */
  append(app: App, ack: Ack, index: number, buffer: ByteBuffer): void {
    if (ack !== this.#ack) {
      this.#ack = ack
      this.#from = encoded([header(TOPIC, ack.topic), header(PARTITION, String(ack.partition))]).bytes
    }
    const offset = ack.offsetOf(index)
    const own = ownHeaders(ack.source.headersAt(offset))
    const ofApp = this.#ofApps.of(app)
    const fixed = LONGEST_VARINT + EVENT_ID_START.length + EVENT_ID_LENGTH + OFFSET_KEY.length + 1 + LONGEST_OFFSET
    buffer.reserve(own.bytes.length + ofApp.bytes.length + this.#from.length + fixed)
    buffer.length = putVarint(buffer.bytes, buffer.length, own.count + ofApp.count + 4)
    for (const bytes of [own.bytes, ofApp.bytes, this.#from, EVENT_ID_START]) append(bytes, buffer)
    ack.source.appendId(offset, buffer)
    append(OFFSET_KEY, buffer)
    const digits = String(offset)
    buffer.length = putVarint(buffer.bytes, buffer.length, digits.length)
    buffer.appendAscii(digits)
  }
}

const NONE: Encoded = { count: 0, bytes: Buffer.alloc(0) }

/** Without those that have our names: they tell of an earlier journey. */
function ownHeaders(headers: readonly Header[] | undefined): Encoded {
  return headers === undefined ? NONE : encoded(headers.filter(({ key }) => !OURS.has(key)))
}

/** What is not known of the app is left out. */
function appHeaders(app: App): Encoded {
  const { owner } = app
  const values = [owner.app.name, owner.app.id, owner.space.name, owner.org.name]
  return encoded(APP.map((key, i) => header(key, values[i] ?? '')).filter(({ value }) => value?.length !== 0))
}

function header(key: string, value: string): Header {
  return { key, value: Buffer.from(value) }
}

function encoded(headers: readonly Header[]): Encoded {
  const parts = headers.flatMap(({ key, value }) => [keyOf(key), varint(value?.length ?? -1), value ?? NONE.bytes])
  return { count: headers.length, bytes: Buffer.concat(parts) }
}

function keyOf(key: string): Buffer {
  const bytes = Buffer.from(key)
  return Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(LONGEST_VARINT)
  return bytes.subarray(0, putVarint(bytes, 0, value))
}

/** The room is reserved. */
function append(bytes: Uint8Array, buffer: ByteBuffer): void {
  buffer.bytes.set(bytes, buffer.length)
  buffer.length += bytes.length
}
