import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { appendJsonContent, appendJsonText } from '../../lib/json-string.ts'
import { type Snippet, snippet } from '../../lib/words.ts'
import { ABSENT_LENGTH, ABSENT_METHOD, ABSENT_STATUS, type AppEvent, PEER_CLIENT, PEER_SERVER } from '../app-event.ts'
import { METHODS } from '../methods.ts'
import { appendUuid, appendUuidText, UUID_TEXT_BYTES } from './uuid.ts'

const CLIENT = snippet(',"peer_type":"client"')
const SERVER = snippet(',"peer_type":"server"')
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
const END_OF_OBJECTS = snippet('}}')

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const ONE = 0x31
const CLOSE = 0x7d

/** More than an exchange has beside its spans. */
const ROOM_BYTES = 1024

/** What an HTTP event tells of request and response, behind the app's names; `cloudfoundry` is closed on the way. */
export function appendHttp(event: AppEvent, to: ByteBuffer): void {
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

/** How long it took, in ns, digit by digit: 64 bits are more than a double has. */
export function appendDuration(seconds: number, nanoseconds: number, to: ByteBuffer): void {
  if (seconds < 0 || nanoseconds < 0) to.appendByte(MINUS)
  const [wholeSeconds, rest] = [Math.abs(seconds), Math.abs(nanoseconds)]
  if (wholeSeconds === 0) to.appendInteger(rest)
  else {
    to.appendAscii(String(wholeSeconds))
    to.appendAscii(String(rest).padStart(9, '0'))
  }
}
