import type { App } from '../../src/app.ts'
import { AppEvent, DISCARDED, NO_APP_GUID, POINT, UNDECODABLE, type Verdict } from '../../src/app-event.ts'
import { Decoder } from '../../src/decode/decoder.ts'
import { LineEncoder } from '../../src/encode/line-encoder.ts'
import { guidOf } from '../../src/enricher/app-index.ts'
import { LineBuffer } from '../../src/lib/line-buffer.ts'
import type { Message } from '../../src/types.ts'

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
  readonly #events = Array.from({ length: 8 }, () => new AppEvent())
  readonly #lines = new LineBuffer(4096)

  constructor(appOf: (guid: string) => App | undefined) {
    this.#appOf = appOf
  }

  refine(message: Uint8Array): Refined {
    return this.refineWith((bytes, event) => this.#decoder.decode(bytes, event), message)
  }

  /** With another decoder than the program's: one that is sure of this message. */
  refineWith(decode: Decode, message: Uint8Array): Refined {
    const [event] = this.#events as [AppEvent]
    event.verdict = decode(message, event)
    return this.#outcome(event, message)
  }

  /** As the program does it, group by group. */
  refineGroups(messages: readonly Message[]): readonly Refined[] {
    const outcomes: Refined[] = []
    while (outcomes.length < messages.length) {
      const start = outcomes.length
      const count = this.#decoder.decodeGroup(messages, start, this.#events)
      const decoded = this.#events.slice(0, count)
      for (const [i, event] of decoded.entries()) outcomes.push(this.#outcome(event, messages[start + i]?.value ?? Buffer.of()))
    }
    return outcomes
  }

  #outcome(event: AppEvent, message: Uint8Array): Refined {
    const { verdict } = event
    if (verdict === UNDECODABLE) return { outcome: 'undecodable', reason: event.problem }
    if (verdict === DISCARDED) return { outcome: 'discarded' }
    if (verdict === NO_APP_GUID) return { outcome: 'no_app_guid' }
    if (verdict !== POINT) throw new Error(`the decoder answered ${verdict}`)
    const app = this.#appOf(guidOf(event))
    if (app === undefined) return { outcome: 'not_found' }

    this.#lines.length = 0
    const problem = this.#encoder.encode(event, app, message, this.#lines)
    if (problem !== undefined) return { outcome: 'refused', reason: problem }
    return { outcome: 'point', line: this.#lines.bytes.toString('utf8', 0, this.#lines.length) }
  }
}
