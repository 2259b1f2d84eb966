import type { App } from '../../cloud-foundry/app.ts'
import type { AppEvent } from '../../cloud-foundry/app-event.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'
import type { Ack } from '../../flow/contracts.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { DocumentLineEncoder } from '../document-line-encoder.ts'
import { placeOf, type TenantLevel } from './tenant.ts'

export interface TenantEncoderOptions {
  readonly maxBytes: number
  readonly tenant: TenantLevel
}

/** Writes documents in lines, and says of each whose it is. */
export class TenantEncoder extends DocumentLineEncoder {
  readonly #places: PerApp<string>
  /** Of the document that was appended last: see {@link placeOf}. */
  place = ''

  constructor({ maxBytes, tenant }: TenantEncoderOptions) {
    super({ maxBytes })
    this.#places = new PerApp((app) => placeOf(app, tenant))
  }

  override encode(event: AppEvent, app: App, message: Uint8Array, buffer: ByteBuffer, ack: Ack, index: number): undefined {
    this.place = this.#places.of(app)
    super.encode(event, app, message, buffer, ack, index)
  }
}
