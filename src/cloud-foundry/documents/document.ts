import type { Ack } from '../../flow/contracts.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { appendJsonContent, appendJsonText } from '../../lib/json-string.ts'
import { appendTime } from '../../lib/rfc3339.ts'
import { type Snippet, snippet } from '../../lib/words.ts'
import type { App } from '../app.ts'
import {
  ABSENT_INSTANCE,
  ABSENT_LENGTH,
  ABSENT_METHOD,
  ABSENT_STATUS,
  type AppEvent,
  CONTAINER,
  CONTAINER_EVENT,
  CONTAINER_USAGE,
  HTTP,
  LOG,
  PEER_CLIENT,
  PEER_SERVER,
  USAGE,
} from '../app-event.ts'
import { METHODS } from '../methods.ts'
import { appendContainerNames, appendInstanceUsage } from './container.ts'
import { appendPayload } from './payload.ts'
import { appendContainer, appendUsage } from './usage.ts'
import { appendUuid, appendUuidText, UUID_TEXT_BYTES } from './uuid.ts'

const TIME = snippet('{"@timestamp":"')
const CLOUD_FOUNDRY = snippet('","cloudfoundry":')
const INSTANCE = snippet(',"instance":{"id":"')
const CLIENT = snippet(',"peer_type":"client"')
const SERVER = snippet(',"peer_type":"server"')

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

const HTTP_OBJECT = snippet(',"http":{"request":{')
const REQUEST_METHOD = snippet('"method":"')
const REQUEST_ID = snippet('"id":"')
const RESPONSE = snippet('},"response":{')
const RESPONSE_ALONE = snippet(',"http":{"response":{')
const STATUS = snippet('"status_code":')
const METHOD_OBJECT = snippet('},"http":{"request":{"method":"')
const METHOD_OBJECTS = METHODS.map((name) => snippet(`},"http":{"request":{"method":"${name}`))
const METHOD_ID = snippet('","id":"')
const ID_STATUS = snippet('"},"response":{"status_code":')
const STATUS_BODY = snippet(',"body":{"bytes":')
const BODY = snippet('"body":{"bytes":')
const URL_OBJECT = snippet(',"url":{"original":"')
const USER_AGENT = snippet(',"user_agent":{"original":"')
const SOURCE = snippet(',"source":{"address":"')
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
const MINUS = 0x2d
const ONE = 0x31
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

function appendHttp(event: AppEvent, to: ByteBuffer): void {
  if (event.peerType === PEER_CLIENT) to.appendSnippet(CLIENT)
  else if (event.peerType === PEER_SERVER) to.appendSnippet(SERVER)
  if (event.absent === 0 && event.isJsonText) appendWholeExchange(event, to)
  else {
    to.appendByte(CLOSE)
    appendExchange(event, to)
  }
  appendText(URL_OBJECT, event, event.uri, event.uriEnd, to)
  appendText(USER_AGENT, event, event.userAgent, event.userAgentEnd, to)
  appendText(SOURCE, event, event.remoteAddress, event.remoteAddressEnd, to)
}

/** Of a request of which the message says all, but perhaps its id and its length. */
function appendWholeExchange(event: AppEvent, to: ByteBuffer): void {
  const { view } = event
  const method = METHOD_OBJECTS[event.method]
  if (method !== undefined) to.appendSnippet(method)
  else {
    to.appendSnippet(METHOD_OBJECT)
    to.appendAscii(String(event.method))
  }
  const beforeId = to.length
  to.appendSnippet(METHOD_ID)
  if (!appendRequestId(event, to)) to.length = beforeId
  to.appendSnippet(ID_STATUS)
  to.appendSpan(view, event.statusCode, event.statusCodeEnd)
  if (!isMinusOne(view, event.contentLength, event.contentLengthEnd)) {
    to.appendSnippet(STATUS_BODY)
    to.appendSpan(view, event.contentLength, event.contentLengthEnd)
    to.appendByte(CLOSE)
  }
  to.appendSnippet(END_OF_OBJECTS)
}

/** What was asked and answered; nothing of it where the message has nothing of it. */
function appendExchange(event: AppEvent, to: ByteBuffer): void {
  const { view, absent } = event
  const start = to.length
  to.appendSnippet(HTTP_OBJECT)
  const hasMethod = (absent & ABSENT_METHOD) === 0
  if (hasMethod) {
    to.appendSnippet(REQUEST_METHOD)
    to.appendAscii(METHODS[event.method] ?? String(event.method))
    to.appendByte(QUOTE)
  }
  const beforeId = to.length
  if (hasMethod) to.appendByte(COMMA)
  to.appendSnippet(REQUEST_ID)
  if (appendRequestId(event, to)) to.appendByte(QUOTE)
  else to.length = beforeId
  const hasRequest = to.length > start + HTTP_OBJECT.length
  if (!hasRequest) to.length = start
  const beforeResponse = to.length
  to.appendSnippet(hasRequest ? RESPONSE : RESPONSE_ALONE)
  const responseAt = to.length
  const hasStatus = (absent & ABSENT_STATUS) === 0
  if (hasStatus) {
    to.appendSnippet(STATUS)
    to.appendSpan(view, event.statusCode, event.statusCodeEnd)
  }
  if ((absent & ABSENT_LENGTH) === 0 && !isMinusOne(view, event.contentLength, event.contentLengthEnd)) {
    if (hasStatus) to.appendByte(COMMA)
    to.appendSnippet(BODY)
    to.appendSpan(view, event.contentLength, event.contentLengthEnd)
    to.appendByte(CLOSE)
  }
  const hasResponse = to.length > responseAt
  if (!hasResponse) to.length = beforeResponse
  if (hasRequest || hasResponse) to.appendSnippet(END_OF_OBJECTS)
}

function appendRequestId({ view, requestLow, requestLowEnd, requestHigh, requestHighEnd }: AppEvent, to: ByteBuffer): boolean {
  if (requestLowEnd - requestLow === UUID_TEXT_BYTES) return appendUuidText(view, requestLow, to)
  return appendUuid(view, requestLow, requestLowEnd, requestHigh, requestHighEnd, to)
}

function isMinusOne(view: DataView, start: number, end: number): boolean {
  return end - start === 2 && view.getUint8(start) === MINUS && view.getUint8(start + 1) === ONE
}

function appendText(opening: Snippet, { bytes, view, isJsonText }: AppEvent, start: number, end: number, to: ByteBuffer): void {
  if (start >= end) return
  to.appendSnippet(opening)
  if (isJsonText) appendJsonContent(view, start, end, to)
  else appendJsonText(bytes, start, end, to)
  to.reserve(ROOM_BYTES)
  to.appendSnippet(END_OF_TEXT)
}

/** In ns, digit by digit: 64 bits are more than a double has. */
function appendDuration(seconds: number, nanoseconds: number, to: ByteBuffer): void {
  if (seconds < 0 || nanoseconds < 0) to.appendByte(MINUS)
  const [wholeSeconds, rest] = [Math.abs(seconds), Math.abs(nanoseconds)]
  if (wholeSeconds === 0) to.appendInteger(rest)
  else {
    to.appendAscii(String(wholeSeconds))
    to.appendAscii(String(rest).padStart(9, '0'))
  }
}
