import { type AppEvent, CONTAINER, DISCARDED, HTTP, LOG, UNSURE, type Verdict } from '../../app-event.ts'
import { timestamp } from '../json-number.ts'
import { byte, bytes, has, isEnd, key, NOWHERE, open, plainString, skip, view } from '../json-text.ts'
import { counter, DISCARD, title } from './fast-discards.ts'
import { gauge, settleGauge } from './fast-gauge.ts'
import { log, settleLog } from './fast-log.ts'
import { forgetTags, tags } from './fast-tags.ts'
import { afterComma, closeNumber, closingBrace, hasWord, isComma, openNumber, word } from './fast-text.ts'
import { settleTimer, timer } from './fast-timer.ts'

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
  if (event.kind === CONTAINER) return settleGauge(event)
  return event.kind === DISCARD ? DISCARDED : UNSURE
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
const COUNTER = key('"counter":{"name":"')
const EVENT = key('"event":{"title":"')

const LETTER_C = 0x63
const LETTER_D = 0x64
const LETTER_E = 0x65
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
      case LETTER_C:
        field = SEEN_MESSAGE
        if (has(COUNTER, at)) next = counter(at + COUNTER.length, event)
        break
      case LETTER_E:
        field = SEEN_MESSAGE
        if (has(EVENT, at)) next = title(at + EVENT.length, event)
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
