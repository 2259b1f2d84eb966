import type { AppEvent } from '../../app-event.ts'
import { METHODS } from '../../methods.ts'
import { int, uint } from '../json-number.ts'
import { byte, bytes, has, key, NOWHERE, plainString, string, view } from '../json-text.ts'
import { afterComma, closingBrace, hasWord, isComma, word } from './fast-text.ts'

const QUOTE = 0x22
const CLOSING_BRACE = 0x7d

const CONTENT_LENGTH = key('"content_length":"')
const INSTANCE_ID = key('"instance_id":"')
const METHOD = key('"method":"')
const PEER_TYPE = key('"peer_type":"')
const REMOTE_ADDRESS = key('"remote_address":"')
const REQUEST_ID = key('"request_id":"')
const SOURCE_TYPE = key('"source_type":"')
const STATUS_CODE = key('"status_code":"')
const URI = word('"uri":"')
const USER_AGENT = key('"user_agent":"')

/** Of no use here, but often there: a known name is compared, and not looked at byte by byte. */
const APP_ID = key('"app_id":"')
const APP_NAME = key('"app_name":"')
const DEPLOYMENT = key('"deployment":"')
const INDEX = key('"index":"')
const IP = word('"ip":"')
const JOB = word('"job":"')
const ORGANIZATION_ID = key('"organization_id":"')
const ORGANIZATION_NAME = key('"organization_name":"')
const ORIGIN = key('"origin":"')
const PROCESS_ID = key('"process_id":"')
const PROCESS_INSTANCE_ID = key('"process_instance_id":"')
const PROCESS_TYPE = key('"process_type":"')
const SPACE_ID = key('"space_id":"')
const SPACE_NAME = key('"space_name":"')

/** Tags that a request must have; what lacks one of them is left to the exact decoder. */
const HAS_METHOD = 1
const HAS_PEER = 2
const HAS_STATUS = 4
const HAS_LENGTH = 8
export const HAS_ALL = HAS_METHOD | HAS_PEER | HAS_STATUS | HAS_LENGTH

/** Of the newest message: which of them it has, and the instance that its tags name. */
export let tagsSeen = 0
export let taggedInstance = 0
export let taggedInstanceEnd = 0

/** As if there were no tags. */
export function forgetTags(event: AppEvent): void {
  tagsSeen = 0
  taggedInstance = taggedInstanceEnd = NOWHERE
  event.uri = event.uriEnd = NOWHERE
  event.remoteAddress = event.remoteAddressEnd = NOWHERE
  event.userAgent = event.userAgentEnd = NOWHERE
  event.sourceType = event.sourceTypeEnd = NOWHERE
  event.requestLow = event.requestLowEnd = event.requestHigh = event.requestHighEnd = NOWHERE
}

/** From the first tag to behind the object's brace. As in a map, the last of equal names counts. */
export function tags(start: number, event: AppEvent): number {
  if (view.getUint8(start) === CLOSING_BRACE) return start + 1
  let at = start
  for (;;) {
    at = tag(at, event)
    if (!isComma(at)) return closingBrace(at)
    at = afterComma(at)
  }
}

const LETTER_A = 0x61
const LETTER_C = 0x63
const LETTER_D = 0x64
const LETTER_I = 0x69
const LETTER_J = 0x6a
const LETTER_M = 0x6d
const LETTER_O = 0x6f
const LETTER_P = 0x70
const LETTER_R = 0x72
const LETTER_S = 0x73
const LETTER_U = 0x75

function tag(at: number, event: AppEvent): number {
  switch (view.getUint8(at + 1)) {
    case LETTER_A:
      if (has(APP_ID, at)) return string(at + APP_ID.length)
      if (has(APP_NAME, at)) return string(at + APP_NAME.length)
      break
    case LETTER_C:
      if (has(CONTENT_LENGTH, at)) return contentLength(at + CONTENT_LENGTH.length, event)
      break
    case LETTER_D:
      if (has(DEPLOYMENT, at)) return string(at + DEPLOYMENT.length)
      break
    case LETTER_I:
      if (has(INSTANCE_ID, at)) return instance(at + INSTANCE_ID.length)
      if (has(INDEX, at)) return string(at + INDEX.length)
      if (hasWord(IP, at)) return string(at + IP.length)
      break
    case LETTER_J:
      if (hasWord(JOB, at)) return string(at + JOB.length)
      break
    case LETTER_M:
      if (has(METHOD, at)) return method(at + METHOD.length, event)
      break
    case LETTER_O:
      if (has(ORGANIZATION_ID, at)) return string(at + ORGANIZATION_ID.length)
      if (has(ORGANIZATION_NAME, at)) return string(at + ORGANIZATION_NAME.length)
      if (has(ORIGIN, at)) return string(at + ORIGIN.length)
      break
    case LETTER_P:
      if (has(PROCESS_ID, at)) return string(at + PROCESS_ID.length)
      if (has(PROCESS_INSTANCE_ID, at)) return string(at + PROCESS_INSTANCE_ID.length)
      if (has(PROCESS_TYPE, at)) return string(at + PROCESS_TYPE.length)
      if (has(PEER_TYPE, at)) return peerType(at + PEER_TYPE.length, event)
      break
    case LETTER_R:
      if (has(REMOTE_ADDRESS, at)) return remoteAddress(at + REMOTE_ADDRESS.length, event)
      if (has(REQUEST_ID, at)) return requestId(at + REQUEST_ID.length, event)
      break
    case LETTER_S:
      if (has(SOURCE_TYPE, at)) return sourceType(at + SOURCE_TYPE.length, event)
      if (has(STATUS_CODE, at)) return statusCode(at + STATUS_CODE.length, event)
      if (has(SPACE_ID, at)) return string(at + SPACE_ID.length)
      if (has(SPACE_NAME, at)) return string(at + SPACE_NAME.length)
      break
    case LETTER_U:
      if (hasWord(URI, at)) return uri(at + URI.length, event)
      if (has(USER_AGENT, at)) return userAgent(at + USER_AGENT.length, event)
      break
  }
  return other(at)
}

/** `":"` without its first quote. */
const COLON_QUOTE = 0x223a

function other(start: number): number {
  const at = plainString(byte(QUOTE, start))
  return view.getUint16(at, true) === COLON_QUOTE ? string(at + 2) : NOWHERE
}

function contentLength(start: number, event: AppEvent): number {
  const end = int(18, start)
  event.contentLength = start
  event.contentLengthEnd = end
  tagsSeen |= HAS_LENGTH
  return byte(QUOTE, end)
}

function statusCode(start: number, event: AppEvent): number {
  const end = uint(9, start)
  event.statusCode = start
  event.statusCodeEnd = end
  tagsSeen |= HAS_STATUS
  return byte(QUOTE, end)
}

function instance(start: number): number {
  const at = plainString(start)
  taggedInstance = start
  taggedInstanceEnd = at - 1
  return at
}

const GET = word('GET"')
const POST = word('POST"')
const METHOD_NUMBERS = new Map(METHODS.map((name, number) => [name, number]))

function method(start: number, event: AppEvent): number {
  tagsSeen |= HAS_METHOD
  if (hasWord(GET, start)) {
    event.method = 1
    return start + GET.length
  }
  if (hasWord(POST, start)) {
    event.method = 2
    return start + POST.length
  }
  const at = plainString(start)
  if (at === NOWHERE) return NOWHERE
  const number = METHOD_NUMBERS.get(bytes.toString('latin1', start, at - 1))
  if (number === undefined) return NOWHERE
  event.method = number
  return at
}

const CLIENT = word('Client"')
const SERVER = word('Server"')

function peerType(start: number, event: AppEvent): number {
  tagsSeen |= HAS_PEER
  if (hasWord(CLIENT, start)) event.peerType = 1
  else if (hasWord(SERVER, start)) event.peerType = 2
  else return NOWHERE
  return start + CLIENT.length
}

function remoteAddress(start: number, event: AppEvent): number {
  const at = string(start)
  event.remoteAddress = start
  event.remoteAddressEnd = at - 1
  return at
}

function uri(start: number, event: AppEvent): number {
  const at = string(start)
  event.uri = start
  event.uriEnd = at - 1
  return at
}

function userAgent(start: number, event: AppEvent): number {
  const at = string(start)
  event.userAgent = start
  event.userAgentEnd = at - 1
  return at
}

function sourceType(start: number, event: AppEvent): number {
  const at = plainString(start)
  event.sourceType = start
  event.sourceTypeEnd = at - 1
  return at
}

export const UUID_LENGTH = 36

function requestId(start: number, event: AppEvent): number {
  const at = plainString(start)
  const isOne = at - 1 - start === UUID_LENGTH
  event.requestLow = isOne ? start : NOWHERE
  event.requestLowEnd = isOne ? at - 1 : NOWHERE
  return at
}
