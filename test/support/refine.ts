import type { App } from '../../src/app.ts'
import { AppEvent, DISCARDED, NO_APP_GUID, POINT, UNDECODABLE, type Verdict } from '../../src/app-event.ts'
import { Decoder } from '../../src/decode/decoder.ts'
import { LineEncoder } from '../../src/encode/line-encoder.ts'
import { guidOf } from '../../src/enricher/app-index.ts'
import { LineBuffer } from '../../src/lib/line-buffer.ts'

export type Refined =
  | { readonly outcome: 'point'; readonly line: string }
  | { readonly outcome: 'undecodable' | 'refused'; readonly reason: string }
  | { readonly outcome: 'discarded' | 'no_app_guid' | 'not_found' }

type Decode = (message: Uint8Array, event: AppEvent) => Verdict

/** The way of one message from its bytes to a line, without the stages that wait: decode, find the app, encode. */
export class Refiner {
  readonly #appOf: (guid: string) => App | undefined
  readonly #decoder = new Decoder()
  readonly #encoder = new LineEncoder({ uniqueTimestamps: false })
  readonly #event = new AppEvent()
  readonly #lines = new LineBuffer(4096)

  constructor(appOf: (guid: string) => App | undefined) {
    this.#appOf = appOf
  }

  refine(message: Uint8Array): Refined {
    return this.refineWith((bytes, event) => this.#decoder.decode(bytes, event), message)
  }

  /** With another decoder than the program's: one that is sure of this message. */
  refineWith(decode: Decode, message: Uint8Array): Refined {
    const verdict = decode(message, this.#event)
    if (verdict === UNDECODABLE) return { outcome: 'undecodable', reason: this.#decoder.reason }
    if (verdict === DISCARDED) return { outcome: 'discarded' }
    if (verdict === NO_APP_GUID) return { outcome: 'no_app_guid' }
    if (verdict !== POINT) throw new Error(`the decoder answered ${verdict}`)
    const app = this.#appOf(guidOf(this.#event))
    if (app === undefined) return { outcome: 'not_found' }

    this.#lines.length = 0
    const problem = this.#encoder.encode(this.#event, app, message, this.#lines)
    if (problem !== undefined) return { outcome: 'refused', reason: problem }
    return { outcome: 'point', line: this.#lines.bytes.toString('utf8', 0, this.#lines.length) }
  }
}
