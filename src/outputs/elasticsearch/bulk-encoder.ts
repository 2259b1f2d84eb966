import type { App } from '../../cloud-foundry/app.ts'
import type { AppEvent } from '../../cloud-foundry/app-event.ts'
import { DocumentEncoder } from '../../cloud-foundry/documents/document.ts'
import type { EventEncoder } from '../../cloud-foundry/translator.ts'
import type { Ack } from '../../flow/contracts.ts'
import { EVENT_ID_LENGTH } from '../../flow/event-source.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { snippet } from '../../lib/words.ts'
import { kindNameOf, type NameTemplate, secondsOf } from '../name-template.ts'
import { indexNames } from './index-name.ts'

const CREATE = snippet('{"create":{"_index":"')
const ID = snippet('","_id":"')
const END = snippet('"}}\n')
const NEWLINE = 0x0a
const MINUS = 0x2d
const ROOM_BYTES = 512

export interface BulkEncoderOptions {
  readonly index: string
  readonly maxBytes: number
}

/** Writes an event as two lines of a `_bulk` request: where its document goes, under the event's id, and the document. */
export class BulkEncoder implements EventEncoder {
  readonly #documents: DocumentEncoder
  readonly #names: NameTemplate

  constructor({ index, maxBytes }: BulkEncoderOptions) {
    this.#documents = new DocumentEncoder({ maxBytes })
    this.#names = indexNames(index)
  }

  /** Documents whose message was cut. */
  get truncated(): number {
    return this.#documents.truncated
  }

  encode(event: AppEvent, app: App, _message: Uint8Array, buffer: ByteBuffer, ack: Ack, index: number): string | undefined {
    const { kind, view, timestamp, timestampEnd } = event
    if (view.getUint8(timestamp) === MINUS) return 'the event is of before 1970, which date_nanos cannot hold'
    const seconds = secondsOf(view, timestamp, timestampEnd)
    const name = this.#names.of(kindNameOf(kind), seconds, app)
    buffer.reserve(name.length + EVENT_ID_LENGTH + ROOM_BYTES)
    buffer.appendSnippet(CREATE)
    buffer.appendAscii(name)
    buffer.appendSnippet(ID)
    ack.source.appendId(ack.offsetOf(index), buffer)
    buffer.appendSnippet(END)
    this.#documents.append(event, app, ack, index, buffer)
    buffer.reserve(1)
    buffer.appendByte(NEWLINE)
    return undefined
  }
}
