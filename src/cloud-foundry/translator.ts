import type { Ack, Delivery, Fate, Message, Sink, Translator, WaitingRoom } from '../flow/contracts.ts'
import { Activity } from '../lib/activity.ts'
import type { ByteBuffer } from '../lib/byte-buffer.ts'
import { App } from './app.ts'
import { AppEvent, DISCARDED, guidOf, HTTP, NO_APP_GUID, PEER_CLIENT, PEER_SERVER, POINT, type Verdict } from './app-event.ts'

/** Makes events of messages, whatever they are encoded in. Never throws. */
export interface EventDecoder {
  /** Fills `event`; what its spans point to is overwritten by the next call of any method. */
  decode(message: Uint8Array | null, event: AppEvent): Verdict
  /** Does the same with messages from number `start` on, an event each, and returns how many it took: at least one. */
  decodeGroup(messages: readonly Message[], start: number, events: readonly AppEvent[]): number
}

/** Which apps there are: found at once, or asked for. */
export interface AppDirectory {
  /** Makes `find` quicker for the first `count` of these events. */
  prefetch(events: readonly AppEvent[], count: number): void
  /** No I/O. An App that does not exist is confirmed absent; undefined is not known. The next call may return the same object for another app. */
  find(event: AppEvent): App | undefined
  /** Resolves to the app, found or confirmed absent, however long that takes; to undefined only where it is stopped. Never rejects. */
  lookUp(guid: string): Promise<App | undefined>
  /** Whether it has been asked for and Cloud Controller does not answer, or answers nobody at all. */
  isUnanswered(guid: string): boolean
  /** Resolves once that is so. Never rejects. */
  unanswered(guid: string): Promise<void>
}

/** Names that messages bring themselves, for apps that Cloud Controller does not name. */
interface NamesOfMessages {
  /** Undefined where the message brings none. */
  of(guid: string, message: Uint8Array): App | undefined
}

/** What an encoder says where its output takes no such event: nothing was appended, and nothing is wrong with it. */
export const NOT_TAKEN = null

/** How an output spells events. */
export interface EventEncoder {
  /**
   * Appends the record of the event that message `index` of the delivery says. Where the output could never take it, appends nothing
   * and returns the reason in words, or {@link NOT_TAKEN}.
   */
  encode(event: AppEvent, app: App, message: Uint8Array, buffer: ByteBuffer, ack: Ack, index: number): string | typeof NOT_TAKEN | undefined
  /** Whether it passes messages on as they came, for readers who may know V1 alone. */
  readonly passesMessagesOn?: boolean
  /** Where in the output the record goes that was appended last, where that has several places. */
  readonly place?: string
}

export interface CloudFoundryTranslatorOptions {
  readonly decoder: EventDecoder
  readonly apps: AppDirectory
  /** What becomes of the events of an app that does not exist: settled as `not_found`, or written with its guid alone. */
  readonly notFound: 'discard' | 'write'
  /** HTTP events of which side become points; the others are discarded. */
  readonly httpPeer: 'both' | 'client' | 'server'
  /** So many messages take each step together. */
  readonly groupMessages: number
  /** Where given, events of apps that do not exist are written with these names, and those of apps that cannot be asked for do not wait. */
  readonly names?: NamesOfMessages | undefined
  /** Where given, what is passed on in place of a message; undefined where there is nothing that readers would understand. */
  readonly passedOn?: ((message: Buffer) => Buffer | undefined) | undefined
  /** Several translators may count together. */
  readonly counts?: TranslatorCounts
}

/** Events whose app was found; events without an app, or of one that does not exist. */
export interface TranslatorCounts {
  readonly enriched: Activity
  readonly enrichFailed: Activity
}

/**
 * What Cloud Foundry's applications say, as envelopes of the firehose: decode, decide, find the app, encode. Messages take each
 * step in groups, over events that are filled again and again: with many apps most of the time would be waiting for memory.
 */
export class CloudFoundryTranslator implements Translator<App, EventEncoder> {
  readonly #options: CloudFoundryTranslatorOptions
  readonly #events: readonly AppEvent[]
  /** 0 is either. */
  readonly #peer: number
  /** Of a message that was held. */
  readonly #heldEvent = new AppEvent()
  #nowMs = 0
  /** What an event counts: nothing where an output takes what others took before. */
  #counts: 0 | 1 = 1

  readonly #enriched: Activity
  readonly #enrichFailed: Activity

  constructor(options: CloudFoundryTranslatorOptions) {
    this.#options = options
    const { enriched, enrichFailed } = options.counts ?? { enriched: new Activity(), enrichFailed: new Activity() }
    this.#enriched = enriched
    this.#enrichFailed = enrichFailed
    this.#peer = options.httpPeer === 'both' ? 0 : options.httpPeer === 'client' ? PEER_CLIENT : PEER_SERVER
    this.#events = Array.from({ length: options.groupMessages }, () => new AppEvent())
  }

  take({ messages, ack }: Delivery, start: number, sinks: readonly Sink<EventEncoder>[], waiting: WaitingRoom<EventEncoder>): number {
    const { decoder, apps } = this.#options
    const events = this.#events
    this.#begin(sinks)
    let next = start
    while (next < messages.length) {
      const count = decoder.decodeGroup(messages, next, events)
      apps.prefetch(events, count)
      for (let i = 0; i < count; i++) {
        // What was decoded and finds no space any more is decoded again.
        if (isOneFull(sinks)) return next + i
        const index = next + i
        const event = events[i] as AppEvent
        const value = messages[index]?.value ?? null
        if (this.#peer !== 0 && isOfOtherPeer(event, this.#peer)) settleAll('discarded', ack, index, sinks)
        else if (event.verdict !== POINT || value === null) this.#settle(event, value, ack, index, sinks)
        else {
          const app = apps.find(event)
          if (app === undefined) this.#wait(event, value, ack, index, sinks, waiting)
          else this.#encode(event, app, value, ack, index, sinks)
        }
      }
      next += count
    }
    return next
  }

  lookUp(key: string): Promise<App | undefined> {
    const { apps } = this.#options
    const guid = guidOfKey(key)
    if (guid === key) return apps.lookUp(key)
    return Promise.race([apps.lookUp(guid), apps.unanswered(guid).then(() => UNANSWERED)])
  }

  retake(original: Buffer, app: App, ack: Ack, index: number, sinks: readonly Sink<EventEncoder>[]): void {
    this.#begin(sinks)
    const { decoder, names } = this.#options
    const event = this.#heldEvent
    decoder.decode(original, event)
    const named = app === UNANSWERED ? names?.of(guidOf(event), original) : app
    this.#encode(event, named ?? app, original, ack, index, sinks)
  }

  /** Of an app that is not known: it waits, unless it names its app itself and nobody else will for now. */
  #wait(
    event: AppEvent,
    value: Buffer,
    ack: Ack,
    index: number,
    sinks: readonly Sink<EventEncoder>[],
    waiting: WaitingRoom<EventEncoder>,
  ): void {
    const { apps, names } = this.#options
    const guid = guidOf(event)
    const named = names?.of(guid, value)
    if (named !== undefined && apps.isUnanswered(guid)) {
      // It is asked for all the same, so that it is known as soon as it can be.
      void apps.lookUp(guid)
      this.#encode(event, named, value, ack, index, sinks)
    } else waiting.hold(named === undefined ? guid : NAMED + guid, ack, index, value, sinks)
  }

  #begin(sinks: readonly Sink[]): void {
    this.#nowMs = Date.now()
    this.#counts = 0
    for (const { speaksForAll } of sinks) if (speaksForAll) this.#counts = 1
  }

  /** A message of which no record is made, whatever its app. */
  #settle({ verdict, problem }: AppEvent, value: Buffer | null, ack: Ack, index: number, sinks: readonly Sink[]): void {
    if (verdict === DISCARDED) settleAll('discarded', ack, index, sinks)
    else if (verdict === NO_APP_GUID) {
      this.#enrichFailed.add(this.#counts, this.#nowMs)
      settleAll('no_app_guid', ack, index, sinks)
    } else {
      for (const sink of sinks) {
        if (sink.speaksForAll) sink.bury('undecodable', problem, ack, index, value)
        else ack.settle('undecodable', index)
      }
    }
  }

  #encode(event: AppEvent, app: App, value: Buffer, ack: Ack, index: number, sinks: readonly Sink<EventEncoder>[]): void {
    let owner = app
    if (app.exists) this.#enriched.add(this.#counts, this.#nowMs)
    else {
      const { notFound, names } = this.#options
      this.#enrichFailed.add(this.#counts, this.#nowMs)
      if (notFound === 'discard') {
        settleAll('not_found', ack, index, sinks)
        return
      }
      owner = names?.of(guidOf(event), value) ?? app
    }
    for (let i = 0; i < sinks.length; i++) {
      const sink = sinks[i] as Sink<EventEncoder>
      const { encoder } = sink
      const message = encoder.passesMessagesOn === true ? this.#passedOn(value) : value
      const problem = message === undefined ? NOT_TAKEN : encoder.encode(event, owner, message, sink.buffer, ack, index)
      if (problem === undefined) sink.close(ack, index, value, encoder.place)
      else if (problem === NOT_TAKEN) ack.settle('discarded', index)
      else sink.bury('refused', problem, ack, index, value)
    }
  }

  #passedOn(value: Buffer): Buffer | undefined {
    const { passedOn } = this.#options
    return passedOn === undefined ? value : passedOn(value)
  }
}

/** Before the guid in the key of messages that name their app themselves. No guid has it. */
const NAMED = 'named '
/** In place of an app that Cloud Controller does not answer for. */
const UNANSWERED = App.nobody('')

/** The app that messages held under `key` wait for. */
export function guidOfKey(key: string): string {
  return key.startsWith(NAMED) ? key.slice(NAMED.length) : key
}

/** Before its app is asked for, or missed. What has no sub-message tells no side. */
function isOfOtherPeer({ verdict, kind, peerType }: AppEvent, wanted: number): boolean {
  return kind === HTTP && peerType !== 0 && peerType !== wanted && (verdict === POINT || verdict === NO_APP_GUID)
}

function isOneFull(sinks: readonly Sink[]): boolean {
  for (let i = 0; i < sinks.length; i++) if ((sinks[i] as Sink).isFull) return true
  return false
}

/** Once for each sink: a message is settled when all have settled it. */
function settleAll(fate: Fate, ack: Ack, index: number, sinks: readonly Sink[]): void {
  for (let i = 0; i < sinks.length; i++) ack.settle(fate, index)
}
