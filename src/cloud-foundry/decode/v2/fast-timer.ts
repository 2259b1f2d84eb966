import { type AppEvent, DISCARDED, HTTP, NO_APP_GUID, PEER_SERVER, POINT, UNSURE, type Verdict } from '../../app-event.ts'
import { setDuration } from '../fast-json.ts'
import { timestamp } from '../json-number.ts'
import { has, key, plainString, skip, view } from '../json-text.ts'
import { EMPTY_ID_LENGTH, isIndex } from './fast-owner.ts'
import { HAS_ALL, taggedInstance, taggedInstanceEnd, tagsSeen, UUID_LENGTH } from './fast-tags.ts'
import { afterComma, closeNumber, closingBrace, openNumber, skipWord, word } from './fast-text.ts'

const NAME_HTTP = key('"name":"http"')
const NAME = word('"name":"')
const START = key('"start":')
const STOP = word('"stop":')

/** Of the newest timer. */
let isHttp = false
let timerStart = 0
let timerStop = 0

/** From a timer's first key to behind its brace. */
export function timer(from: number, event: AppEvent): number {
  event.kind = HTTP
  isHttp = has(NAME_HTTP, from)
  let at = isHttp ? from + NAME_HTTP.length : plainString(skipWord(NAME, from))
  timerStart = openNumber(skip(START, afterComma(at)))
  at = closeNumber(timerStart, timestamp(timerStart))
  timerStop = openNumber(skipWord(STOP, afterComma(at)))
  return closingBrace(closeNumber(timerStop, timestamp(timerStop)))
}

export function settleTimer(event: AppEvent): Verdict {
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

const TIMESTAMP_LENGTH = 19

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
