import {
  type AppEvent,
  CONTAINER,
  DISCARDED,
  HTTP,
  LOG,
  NO_APP_GUID,
  PEER_SERVER,
  POINT,
  UNSURE,
  USAGE,
  type Verdict,
} from '../../app-event.ts'
import { setDuration, startsWith } from '../fast-json.ts'
import { timestamp, uint } from '../json-number.ts'
import { base64, base64Size, byte, bytes, has, isEnd, key, NOWHERE, open, plainString, skip, view } from '../json-text.ts'
import { HAS_FIVE, HAS_FURTHER, metrics, metricsSeen } from './fast-gauge.ts'
import { forgetTags, HAS_ALL, taggedInstance, taggedInstanceEnd, tags, tagsSeen, UUID_LENGTH } from './fast-tags.ts'
import { afterComma, closeNumber, closingBrace, hasWord, isComma, openNumber, skipWord, word } from './fast-text.ts'

/**
 * Decodes a Loggregator V2 envelope spelled as a gateway spells it, in either spelling and any order of its fields, numbers in quotes or not, spaces
 * behind commas or none. `UNSURE` is all it says of anything else: the exact decoder has to look. The event's spans last until `forget`.
 */
export function decodeFastV2Json(message: Uint8Array, event: AppEvent): Verdict {
  event.bytes = bytes
  event.view = view
  event.guid = ''
  event.isJsonText = true
  event.absent = 0
  event.kind = 0
  event.timestampEnd = NOWHERE
  event.appId = event.appIdEnd = NOWHERE
  event.instance = event.instanceEnd = NOWHERE
  forgetTags(event)
  if (!isEnd(envelope(open(message), event)) || event.timestampEnd === NOWHERE) return UNSURE
  if (event.kind === LOG) return settleLog(event)
  if (event.kind === HTTP) return settleTimer(event)
  return event.kind === CONTAINER ? settleGauge(event) : UNSURE
}

const OPENING_BRACE = 0x7b

const TIMESTAMP = key('"timestamp":')
const SOURCE_ID = key('"source_id":"')
const SOURCE_ID_CAMEL = key('"sourceId":"')
const INSTANCE_ID = key('"instance_id":"')
const INSTANCE_ID_CAMEL = key('"instanceId":"')
const NO_DEPRECATED_TAGS = key('"deprecated_tags":{}')
const NO_DEPRECATED_TAGS_CAMEL = key('"deprecatedTags":{}')
const TAGS = word('"tags":{')
const LOG_KEY = word('"log":{')
const GAUGE = key('"gauge":{"metrics":{')
const TIMER = key('"timer":{')

const LETTER_D = 0x64
const LETTER_G = 0x67
const LETTER_I = 0x69
const LETTER_L = 0x6c
const LETTER_S = 0x73
const LETTER_T = 0x74

/** Fields that were there. */
const SEEN_TIMESTAMP = 1
const SEEN_SOURCE = 2
const SEEN_INSTANCE = 4
const SEEN_DEPRECATED = 8
const SEEN_TAGS = 16
const SEEN_MESSAGE = 32

function envelope(start: number, event: AppEvent): number {
  let at = byte(OPENING_BRACE, start)
  let seen = 0
  for (;;) {
    let field = 0
    let next = NOWHERE
    switch (view.getUint8(at + 1)) {
      case LETTER_T:
        if (has(TIMESTAMP, at)) {
          field = SEEN_TIMESTAMP
          next = time(at + TIMESTAMP.length, event)
        } else if (hasWord(TAGS, at)) {
          field = SEEN_TAGS
          next = tags(at + TAGS.length, event)
        } else if (has(TIMER, at)) {
          field = SEEN_MESSAGE
          next = timer(at + TIMER.length, event)
        }
        break
      case LETTER_S:
        field = SEEN_SOURCE
        if (has(SOURCE_ID, at)) next = sourceId(at + SOURCE_ID.length, event)
        else if (has(SOURCE_ID_CAMEL, at)) next = sourceId(at + SOURCE_ID_CAMEL.length, event)
        break
      case LETTER_I:
        field = SEEN_INSTANCE
        if (has(INSTANCE_ID, at)) next = instanceId(at + INSTANCE_ID.length, event)
        else if (has(INSTANCE_ID_CAMEL, at)) next = instanceId(at + INSTANCE_ID_CAMEL.length, event)
        break
      case LETTER_D:
        field = SEEN_DEPRECATED
        next = has(NO_DEPRECATED_TAGS, at) ? at + NO_DEPRECATED_TAGS.length : skip(NO_DEPRECATED_TAGS_CAMEL, at)
        break
      case LETTER_L:
        field = SEEN_MESSAGE
        if (hasWord(LOG_KEY, at)) next = log(at + LOG_KEY.length, event)
        break
      case LETTER_G:
        field = SEEN_MESSAGE
        if (has(GAUGE, at)) next = gauge(at + GAUGE.length, event)
        break
    }
    // Twice is for the exact decoder.
    if ((seen & field) !== 0) return NOWHERE
    seen |= field
    if (!isComma(next)) return closingBrace(next)
    at = afterComma(next)
  }
}

function time(start: number, event: AppEvent): number {
  const at = openNumber(start)
  event.timestamp = at
  event.timestampEnd = timestamp(at)
  return closeNumber(at, event.timestampEnd)
}

function sourceId(start: number, event: AppEvent): number {
  event.appId = start - 1
  event.appIdEnd = plainString(start)
  return event.appIdEnd
}

function instanceId(start: number, event: AppEvent): number {
  const at = plainString(start)
  event.instance = start
  event.instanceEnd = at - 1
  return at
}

const PAYLOAD = key('"payload":"')
const TYPE = key('"type":"')
const OUT = word('OUT"')
const ERR = word('ERR"')

function log(start: number, event: AppEvent): number {
  event.kind = LOG
  event.messageType = 1
  event.payloadSize = 0
  event.payloadBytes = bytes
  event.isBase64 = true
  event.payload = event.payloadEnd = start
  let at = start
  if (has(PAYLOAD, at)) {
    const payload = at + PAYLOAD.length
    event.payload = payload
    at = base64(payload)
    event.payloadEnd = at - 1
    event.payloadSize = base64Size(payload, at - 1)
    if (!isComma(at)) return closingBrace(at)
    at = afterComma(at)
  }
  if (!has(TYPE, at)) return at === start ? closingBrace(at) : NOWHERE
  at += TYPE.length
  if (hasWord(ERR, at)) event.messageType = 2
  else if (!hasWord(OUT, at)) return NOWHERE
  return closingBrace(at + OUT.length)
}

function settleLog(event: AppEvent): Verdict {
  const { sourceType } = event
  event.isRouterLog = startsWith('RTR', sourceType)
  if (!event.isRouterLog && !startsWith('APP', sourceType) && !startsWith('App', sourceType)) return DISCARDED
  return hasAppId(event) ? POINT : NO_APP_GUID
}

const NAME_HTTP = key('"name":"http"')
const NAME = word('"name":"')
const START = key('"start":')
const STOP = word('"stop":')

/** Of the newest timer. */
let isHttp = false
let timerStart = 0
let timerStop = 0

function timer(from: number, event: AppEvent): number {
  event.kind = HTTP
  isHttp = has(NAME_HTTP, from)
  let at = isHttp ? from + NAME_HTTP.length : plainString(skipWord(NAME, from))
  timerStart = openNumber(skip(START, afterComma(at)))
  at = closeNumber(timerStart, timestamp(timerStart))
  timerStop = openNumber(skipWord(STOP, afterComma(at)))
  return closingBrace(closeNumber(timerStop, timestamp(timerStop)))
}

function settleTimer(event: AppEvent): Verdict {
  if (!isHttp) return DISCARDED
  if (tagsSeen !== HAS_ALL) return UNSURE
  if (event.appIdEnd - event.appId !== UUID_LENGTH + EMPTY_ID_LENGTH) return NO_APP_GUID
  if (event.peerType === PEER_SERVER && taggedInstance < taggedInstanceEnd) {
    event.instance = taggedInstance
    event.instanceEnd = taggedInstanceEnd
  }
  if (!isUuid(event.appId + 1) || !isIndex(event)) return UNSURE
  event.timestamp = timerStart
  event.timestampEnd = timerStart + TIMESTAMP_LENGTH
  setDuration(timerStop, event)
  return POINT
}

function gauge(start: number, event: AppEvent): number {
  event.kind = CONTAINER
  return closingBrace(metrics(start, event))
}

function settleGauge(event: AppEvent): Verdict {
  if ((metricsSeen & HAS_FIVE) !== HAS_FIVE) {
    if ((metricsSeen & HAS_FURTHER) === 0) return DISCARDED
    event.kind = USAGE
  }
  if (!hasAppId(event)) return NO_APP_GUID
  return isIndex(event) ? POINT : UNSURE
}

const TIMESTAMP_LENGTH = 19
/** An id's span has its quotes. */
const EMPTY_ID_LENGTH = 2

function hasAppId({ appId, appIdEnd }: AppEvent): boolean {
  return appIdEnd - appId > EMPTY_ID_LENGTH
}

/** Whether the instance is a number that needs no other spelling. */
function isIndex({ instance, instanceEnd }: AppEvent): boolean {
  return instance < instanceEnd && uint(9, instance) === instanceEnd
}

const DASH = 0x2d
/** What makes a dash a zero. */
const DASH_TO_ZERO = 0x1d

/** As Cloud Controller spells it, so that its text is the id: ASCII, of which each byte is looked at, four together. */
function isUuid(at: number): boolean {
  const others =
    nonHex(view.getInt32(at, true)) |
    nonHex(view.getInt32(at + 4, true)) |
    nonHex(view.getInt32(at + 8, true) ^ DASH_TO_ZERO) |
    nonHex(view.getInt32(at + 12, true) ^ (DASH_TO_ZERO << 8)) |
    nonHex(view.getInt32(at + 16, true) ^ (DASH_TO_ZERO << 16)) |
    nonHex(view.getInt32(at + 20, true) ^ (DASH_TO_ZERO << 24)) |
    nonHex(view.getInt32(at + 24, true)) |
    nonHex(view.getInt32(at + 28, true)) |
    nonHex(view.getInt32(at + 32, true))
  return others === 0 && isDash(at + 8) && isDash(at + 13) && isDash(at + 18) && isDash(at + 23)
}

function isDash(at: number): boolean {
  return view.getUint8(at) === DASH
}

/** Marks each byte below 0x80 that is none of 0 to 9 and a to f: the top bit of each sum says whether the byte is at least a certain one. */
function nonHex(word: number): number {
  const from0 = word + 0x50505050
  const past9 = word + 0x46464646
  const fromA = word + 0x1f1f1f1f
  const pastF = word + 0x19191919
  return ~((from0 & ~past9) | (fromA & ~pastF)) & 0x80808080
}
