import { type AppEvent, DISCARDED, LOG, NO_APP_GUID, POINT, type Verdict } from '../../app-event.ts'
import { startsWith } from '../fast-json.ts'
import { base64, base64Size, bytes, has, key, NOWHERE } from '../json-text.ts'
import { hasAppId } from './fast-owner.ts'
import { afterComma, closingBrace, hasWord, isComma, word } from './fast-text.ts'

const PAYLOAD = key('"payload":"')
const TYPE = key('"type":"')
const OUT = word('OUT"')
const ERR = word('ERR"')

/** From a log's first key to behind its brace. */
export function log(start: number, event: AppEvent): number {
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

export function settleLog(event: AppEvent): Verdict {
  const { sourceType } = event
  event.isRouterLog = startsWith('RTR', sourceType)
  if (!event.isRouterLog && !startsWith('APP', sourceType) && !startsWith('App', sourceType)) return DISCARDED
  return hasAppId(event) ? POINT : NO_APP_GUID
}
