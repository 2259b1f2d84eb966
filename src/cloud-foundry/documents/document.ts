import type { Ack } from '../../flow/contracts.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { appendJsonText } from '../../lib/json-string.ts'
import { appendTime } from '../../lib/rfc3339.ts'
import { snippet } from '../../lib/words.ts'
import type { App } from '../app.ts'
import { ABSENT_INSTANCE, type AppEvent, CONTAINER, CONTAINER_EVENT, CONTAINER_USAGE, HTTP, LOG, USAGE } from '../app-event.ts'
import { appendContainerNames, appendInstanceUsage } from './container.ts'
import { appendDuration, appendHttp } from './exchange.ts'
import { appendPayload } from './payload.ts'
import { appendContainer, appendUsage } from './usage.ts'

const TIME = snippet('{"@timestamp":"')
const CLOUD_FOUNDRY = snippet('","cloudfoundry":')
const INSTANCE = snippet(',"instance":{"id":"')

const MESSAGE = snippet(',"message":"')
const QUOTE_ALONE = snippet('"')
const LOG_OBJECT = snippet('","log":{')
const STREAM_OUT = snippet('"iostream":"stdout"')
const STREAM_ERR = snippet('"iostream":"stderr"')
const LOGGER = snippet('"logger":"')
/** What most log events have between their message and their logger, and behind it. */
const OUT_LOGGER = snippet('","log":{"iostream":"stdout","logger":"')
const ERR_LOGGER = snippet('","log":{"iostream":"stderr","logger":"')
const LOGGER_EVENT = snippet('"},"event":{"id":"')

const END_OF_TEXT = snippet('"}')
const END_OF_INSTANCE = snippet('"}}')
const END_OF_OBJECTS = snippet('}}')

const EVENT = snippet(',"event":{"id":"')
const HTTP_EVENT = snippet('","kind":"event","dataset":"cloudfoundry.http","duration":')
const LOG_EVENT = snippet('","kind":"event","dataset":"cloudfoundry.log"')
const USAGE_EVENT = snippet('","kind":"metric","dataset":"cloudfoundry.container"')
const HAPPENING_EVENT = snippet('","kind":"event","dataset":"docker.event","action":')
const TRUNCATED = snippet(',"truncated":true')

const QUOTE = 0x22
const COMMA = 0x2c
const CLOSE = 0x7d

/** More than a document has beside its app's texts and its spans. */
const ROOM_BYTES = 1024

export interface DocumentOptions {
  /** A message's UTF-8 beyond this is cut. */
  readonly maxBytes: number
}

/** Writes events as JSON documents: what all outputs get that take no points. The contract is ENDS.md, section 2. */
export class DocumentEncoder {
  readonly #maxBytes: number
  /** Documents whose message was cut. */
  truncated = 0

  constructor({ maxBytes }: DocumentOptions) {
    this.#maxBytes = maxBytes
  }

  /** Appends the document of the event that message `index` of the delivery says: an object in one line, without a newline. */
  append(event: AppEvent, app: App, ack: Ack, index: number, to: ByteBuffer): void {
    to.reserve(app.documentLength + app.documentPlaceLength + ROOM_BYTES)
    to.appendSnippet(TIME)
    appendTime(event.view, event.timestamp, event.timestampEnd, to)
    to.appendSnippet(CLOUD_FOUNDRY)
    appendOwner(event, app, to)
    if (event.kind === HTTP) appendHttp(event, to)
    else if (event.kind === CONTAINER) appendContainer(event, to)
    else if (event.kind === USAGE) appendUsage(event, to)
    else if (event.kind === CONTAINER_USAGE) appendInstanceUsage(event, to)
    else to.appendByte(CLOSE)
    if (app.container !== undefined) {
      appendContainerNames(app.container, event, to)
      to.reserve(ROOM_BYTES)
    }
    const isTruncated = event.kind === LOG && this.#appendLog(event, to)
    if (event.kind !== LOG) to.appendSnippet(EVENT)
    ack.source.appendId(ack.offsetOf(index), to)
    if (event.kind === HTTP) {
      to.appendSnippet(HTTP_EVENT)
      appendDuration(event.durationSeconds, event.durationNanoseconds, to)
    } else if (event.kind === CONTAINER_EVENT) {
      to.appendSnippet(HAPPENING_EVENT)
      to.appendText(JSON.stringify(event.happening.action))
      to.reserve(ROOM_BYTES)
    } else to.appendSnippet(event.kind === LOG ? LOG_EVENT : USAGE_EVENT)
    if (isTruncated) to.appendSnippet(TRUNCATED)
    to.appendSnippet(END_OF_OBJECTS)
  }

  /** Returns whether the message was cut. */
  #appendLog(event: AppEvent, to: ByteBuffer): boolean {
    const { bytes, messageType, sourceType, sourceTypeEnd } = event
    to.appendSnippet(MESSAGE)
    const isTruncated = appendPayload(event, this.#maxBytes, to)
    if (isTruncated) this.truncated++
    if (event.isJsonText && (messageType === 1 || messageType === 2) && sourceType < sourceTypeEnd) {
      to.reserve(sourceTypeEnd - sourceType + ROOM_BYTES)
      to.appendSnippet(messageType === 1 ? OUT_LOGGER : ERR_LOGGER)
      to.appendSpan(event.view, sourceType, sourceTypeEnd)
      to.appendSnippet(LOGGER_EVENT)
      return isTruncated
    }
    to.reserve(ROOM_BYTES)
    const hasStream = messageType === 1 || messageType === 2
    const hasLogger = sourceType < sourceTypeEnd
    to.appendSnippet(hasStream || hasLogger ? LOG_OBJECT : QUOTE_ALONE)
    if (hasStream) to.appendSnippet(messageType === 1 ? STREAM_OUT : STREAM_ERR)
    if (hasStream && hasLogger) to.appendByte(COMMA)
    if (hasLogger) {
      to.appendSnippet(LOGGER)
      appendJsonText(bytes, sourceType, sourceTypeEnd, to)
      to.reserve(ROOM_BYTES)
      to.appendByte(QUOTE)
    }
    if (hasStream || hasLogger) to.appendByte(CLOSE)
    to.appendSnippet(EVENT)
    return isTruncated
  }
}

/** The app with its instance, space and organization; `cloudfoundry` stays open. */
function appendOwner({ kind, absent, bytes, view, isJsonText, instance, instanceEnd }: AppEvent, app: App, to: ByteBuffer): void {
  to.appendWords(app.words, app.documentAt, app.documentLength)
  if (isJsonText && instance < instanceEnd) {
    // Plain, as its decoder has seen.
    to.reserve(instanceEnd - instance + app.documentPlaceLength + ROOM_BYTES)
    to.appendSnippet(INSTANCE)
    to.appendSpan(view, instance, instanceEnd)
    to.appendSnippet(END_OF_INSTANCE)
    to.appendWords(app.words, app.documentPlaceAt, app.documentPlaceLength)
    return
  }
  if (instance < instanceEnd && (kind === LOG || (absent & ABSENT_INSTANCE) === 0)) {
    to.appendSnippet(INSTANCE)
    appendJsonText(bytes, instance, instanceEnd, to)
    to.reserve(app.documentPlaceLength + ROOM_BYTES)
    to.appendSnippet(END_OF_TEXT)
  }
  to.appendByte(CLOSE)
  to.appendWords(app.words, app.documentPlaceAt, app.documentPlaceLength)
}
