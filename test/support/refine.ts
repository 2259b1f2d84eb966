import type { App } from '../../src/cloud-foundry/app.ts'
import { type AppEvent, guidOf, type Verdict } from '../../src/cloud-foundry/app-event.ts'
import { Decoder } from '../../src/cloud-foundry/decode/decoder.ts'
import {
  type AppDirectory,
  CloudFoundryTranslator,
  type CloudFoundryTranslatorOptions,
  type EventDecoder,
  type EventEncoder,
} from '../../src/cloud-foundry/translator.ts'
import type { Ack, Fate, Message, Sink } from '../../src/flow/contracts.ts'
import { EventSource } from '../../src/flow/event-source.ts'
import { ByteBuffer } from '../../src/lib/byte-buffer.ts'
import { LineEncoder } from '../../src/outputs/influxdb/line-encoder.ts'

export type Refined =
  | { readonly outcome: 'point'; readonly line: string }
  | { readonly outcome: 'undecodable' | 'refused'; readonly reason: string }
  | { readonly outcome: 'discarded' | 'no_app_guid' | 'not_found' }

type Decode = (message: Uint8Array, event: AppEvent) => Verdict

const GROUP_MESSAGES = 8
const encoder = new LineEncoder({ uniqueTimestamps: false })

/** What the program makes of messages, without the parts that wait: its own translator, and a sink that keeps what it is given. */
export class Refiner {
  readonly #apps: AppDirectory
  readonly #httpPeer: CloudFoundryTranslatorOptions['httpPeer']
  readonly #translator: CloudFoundryTranslator

  /** An app that `appOf` does not know does not exist. */
  constructor(appOf: (guid: string) => App | undefined, httpPeer: CloudFoundryTranslatorOptions['httpPeer'] = 'both') {
    this.#httpPeer = httpPeer
    this.#apps = {
      prefetch: () => {},
      find: (event) => appOf(guidOf(event)),
      lookUp: async (guid) => appOf(guid),
      isUnanswered: () => false,
      unanswered: () => new Promise(() => {}),
    }
    this.#translator = this.#translatorWith(new Decoder())
  }

  refine(message: Uint8Array): Refined {
    return refineWith(this.#translator, [{ value: Buffer.from(message), offset: 0 }])[0] as Refined
  }

  /** With another decoder than the program's: one that is sure of this message. */
  refineWith(decode: Decode, message: Uint8Array): Refined {
    const decoder: EventDecoder = {
      decode: (bytes, event) => decode(bytes ?? Buffer.of(), event),
      decodeGroup: (messages, start, [event]) => {
        if (event !== undefined) event.verdict = decode(messages[start]?.value ?? Buffer.of(), event)
        return 1
      },
    }
    return refineWith(this.#translatorWith(decoder), [{ value: Buffer.from(message), offset: 0 }])[0] as Refined
  }

  /** As the program does it, group by group. */
  refineGroups(messages: readonly Message[]): readonly Refined[] {
    return refineWith(this.#translator, messages)
  }

  #translatorWith(decoder: EventDecoder): CloudFoundryTranslator {
    return new CloudFoundryTranslator({
      decoder,
      apps: this.#apps,
      notFound: 'discard',
      httpPeer: this.#httpPeer,
      groupMessages: GROUP_MESSAGES,
    })
  }
}

function refineWith(translator: CloudFoundryTranslator, messages: readonly Message[]): readonly Refined[] {
  const outcomes: (Refined | undefined)[] = messages.map(() => undefined)
  const settle = (outcome: Refined, index: number) => {
    if (outcomes[index] !== undefined) throw new Error(`message ${index} has two outcomes`)
    outcomes[index] = outcome
  }
  const ack: Ack = {
    topic: 'a-topic',
    partition: 0,
    isOpen: true,
    settle: (fate: Fate, index) => settle({ outcome: fate } as Refined, index),
    offsetOf: Number,
    source: new EventSource('a-topic'),
  }
  const buffer = new ByteBuffer(4096)
  const sink: Sink<EventEncoder> = {
    encoder,
    speaksForAll: true,
    isFull: false,
    buffer,
    close: (_receipt, index) => {
      settle({ outcome: 'point', line: buffer.bytes.toString('utf8', 0, buffer.length) }, index)
      buffer.length = 0
    },
    bury: (outcome, reason, _receipt, index) => settle({ outcome, reason }, index),
  }
  // What is not found where no app is missing does not exist.
  const waiting = {
    hold: (_key: string, _receipt: Ack, index: number) => settle({ outcome: 'not_found' }, index),
    isHolding: () => false,
  }
  if (translator.take({ messages, ack }, 0, [sink], waiting) !== messages.length) throw new Error('not all messages are taken')
  return outcomes.map((outcome, index) => outcome ?? never(index))
}

function never(index: number): never {
  throw new Error(`message ${index} has no outcome`)
}
