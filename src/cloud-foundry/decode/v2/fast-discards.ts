import type { AppEvent } from '../../app-event.ts'
import { uint64 } from '../json-number.ts'
import { key, skip, string } from '../json-text.ts'
import { afterComma, closeNumber, closingBrace, openNumber, skipWord, word } from './fast-text.ts'

/** The kind of what is discarded whatever it says. */
export const DISCARD = -1

const DELTA = key('"delta":')
const TOTAL = key('"total":')

/** From the text of a counter's name to behind the counter's brace. */
export function counter(start: number, event: AppEvent): number {
  event.kind = DISCARD
  const delta = openNumber(skip(DELTA, afterComma(string(start))))
  const total = openNumber(skip(TOTAL, afterComma(closeNumber(delta, uint64(delta)))))
  return closingBrace(closeNumber(total, uint64(total)))
}

const BODY = word('"body":"')

/** From the text of an event's title to behind the event's brace. */
export function title(start: number, event: AppEvent): number {
  event.kind = DISCARD
  return closingBrace(string(skipWord(BODY, afterComma(string(start)))))
}
