import type { AppEvent } from '../../app-event.ts'
import { uint } from '../json-number.ts'

/** An id's span has its quotes. */
export const EMPTY_ID_LENGTH = 2

export function hasAppId({ appId, appIdEnd }: AppEvent): boolean {
  return appIdEnd - appId > EMPTY_ID_LENGTH
}

/** Whether the instance is a number that needs no other spelling. */
export function isIndex({ instance, instanceEnd }: AppEvent): boolean {
  return instance < instanceEnd && uint(9, instance) === instanceEnd
}
