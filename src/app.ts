import { cleanTagValue, escapeTagValue } from './lib/tag-value.ts'
import { allocateWords, putText, wordCount } from './lib/words.ts'
import type { AppMetadata } from './types.ts'

/** Ids longer than this are not looked for by their bytes. Each has eight words: the text's, of which the last is in its place, and its length. */
export const MAX_ID_BYTES = 56
export const ID_WORDS = 8
export const LAST_ID_WORD = 6
export const ID_LENGTH_WORD = 7

/**
 * An app that Cloud Controller was asked about, with all that events need of it side by side in `words`: its id as messages
 * spell it, and all of a line that depends on the app alone.
 */
export class App {
  readonly guid: string
  /** Undefined: confirmed not to exist. It is written with its `app_guid` alone, where it is written at all. */
  readonly metadata: AppMetadata | undefined
  /** When an event last named it, as of `Date.now()`. */
  usedAtMs: number
  /** Whether a value had to be cleaned. */
  readonly isSanitized: boolean

  readonly words: Float64Array
  /** The first word of the id spelled `"GUID"`; {@link ID_WORDS} later of the same as `:low,"high":high}`. */
  readonly idAt: number
  /** `,app=…,app_guid=…` */
  readonly nameAt: number
  readonly nameLength: number
  /** `,org=…,org_guid=…,space=…,space_guid=…` */
  readonly placeAt: number
  readonly placeLength: number

  constructor(guid: string, metadata: AppMetadata | undefined, usedAtMs: number) {
    this.guid = guid
    this.metadata = metadata
    this.usedAtMs = usedAtMs
    const { app = '', app_guid = guid, org = '', org_guid = '', space = '', space_guid = '' } = metadata ?? {}
    this.isSanitized = [app, app_guid, org, org_guid, space, space_guid].some((value) => cleanTagValue(value) !== value)
    const name = tag('app', app) + tag('app_guid', app_guid)
    const place = tag('org', org) + tag('org_guid', org_guid) + tag('space', space) + tag('space_guid', space_guid)

    const nameWords = wordCount(Buffer.byteLength(name))
    const { words, at } = allocateWords(2 * ID_WORDS + nameWords + wordCount(Buffer.byteLength(place)))
    this.words = words
    this.idAt = at
    putId(`"${guid}"`, words, at)
    putId(uuidSpelling(guid), words, at + ID_WORDS)
    this.nameAt = at + 2 * ID_WORDS
    this.nameLength = putText(name, words, this.nameAt)
    this.placeAt = this.nameAt + nameWords
    this.placeLength = putText(place, words, this.placeAt)
  }
}

function tag(key: string, value: string): string {
  const clean = cleanTagValue(value)
  return clean === '' ? '' : `,${key}=${escapeTagValue(clean)}`
}

/** Leaves the length 0, which is no id's, where there is no such spelling or it is too long. */
function putId(id: string, words: Float64Array<ArrayBuffer>, at: number): void {
  const length = Buffer.byteLength(id)
  if (length < 8 || length > MAX_ID_BYTES) return
  putText(id, words, at)
  words[at + LAST_ID_WORD] = words[at + wordCount(length) - 1] as number
  words[at + ID_LENGTH_WORD] = length
}

/** A UUID's halves, each little-endian, as JSON spells them, with the delimiters around; '' where the guid is none. */
function uuidSpelling(guid: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(guid)) return ''
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return `:${bytes.readBigUInt64LE(0)},"high":${bytes.readBigUInt64LE(8)}}`
}
