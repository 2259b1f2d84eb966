import type { App } from '../cloud-foundry/app.ts'
import type { AppEvent } from '../cloud-foundry/app-event.ts'
import { DocumentEncoder, type DocumentOptions } from '../cloud-foundry/documents/document.ts'
import type { EventEncoder } from '../cloud-foundry/translator.ts'
import type { Ack } from '../flow/contracts.ts'
import type { ByteBuffer } from '../lib/byte-buffer.ts'

const NEWLINE = 0x0a

/** Writes each event as a JSON document in a line (NDJSON). */
export class DocumentLineEncoder implements EventEncoder {
  readonly #documents: DocumentEncoder

  constructor(options: DocumentOptions) {
    this.#documents = new DocumentEncoder(options)
  }

  /** Documents whose message was cut. */
  get truncated(): number {
    return this.#documents.truncated
  }

  encode(event: AppEvent, app: App, _message: Uint8Array, buffer: ByteBuffer, ack: Ack, index: number): undefined {
    this.#documents.append(event, app, ack, index, buffer)
    buffer.reserve(1)
    buffer.appendByte(NEWLINE)
  }
}
