import type { AppMetadata } from '../flow/contracts.ts'
import { type Backslash, cleanTagValue, escapeTagValue } from '../lib/tag-value.ts'
import { allocateWords, putText, textAt, wordCount } from '../lib/words.ts'

/** Ids longer than this are not looked for by their bytes. Each has eight words: the text's, of which the last is in its place, and its length. */
export const MAX_ID_BYTES = 56
const ID_WORDS = 8
export const LAST_ID_WORD = 6
export const ID_LENGTH_WORD = 7

/** An app's words, one behind the other. */
const USED_AT_WORD = 0
const FLAGS_WORD = 1
const NAME_LENGTH_WORD = 2
const PLACE_LENGTH_WORD = 3
/** The id as `"GUID"`, and as `:low,"high":high}`. */
export const TEXT_ID_WORD = 4
export const UUID_ID_WORD = TEXT_ID_WORD + ID_WORDS
const NAME_WORD = UUID_ID_WORD + ID_WORDS

const EXISTS = 1
const IS_SANITIZED = 2

/**
 * An app that Cloud Controller was asked about. All that events need of it lies side by side in `words`, from `at` on: its id as
 * messages spell it, when it was used, and all of a line that depends on the app alone. Whoever knows that place needs no object of
 * the app, which would be in no cache of the processor where many apps are busy.
 */
export class App {
  words = new Float64Array(0)
  at = 0
  /** False: it is written with its `app_guid` alone, where it is written at all. */
  exists = false
  /** Whether a value had to be cleaned. */
  isSanitized = false
  /** `,app=…,app_guid=…` */
  nameAt = 0
  nameLength = 0
  /** `,org=…,org_guid=…,space=…,space_guid=…` */
  placeAt = 0
  placeLength = 0

  /** Without metadata: confirmed not to exist. */
  static of(guid: string, metadata: AppMetadata | undefined, usedAtMs: number, backslash?: Backslash): App {
    return App.#made(guid, tagsOf(guid, metadata, backslash), metadata !== undefined, usedAtMs, allocateWords)
  }

  /** One that does not exist and that nobody will keep: in memory of its own, since it would keep that of apps around it alive. */
  static nobody(id: string, backslash?: Backslash): App {
    return App.#made(id, tagsOf(id, undefined, backslash), false, 0, (count) => ({ words: new Float64Array(count), at: 0 }))
  }

  static #made(guid: string, { name, place, isSanitized }: Tags, exists: boolean, usedAtMs: number, allocate: typeof allocateWords): App {
    const nameWords = wordCount(Buffer.byteLength(name))
    const { words, at } = allocate(NAME_WORD + nameWords + wordCount(Buffer.byteLength(place)))
    words[at + USED_AT_WORD] = usedAtMs
    words[at + FLAGS_WORD] = (exists ? EXISTS : 0) | (isSanitized ? IS_SANITIZED : 0)
    words[at + NAME_LENGTH_WORD] = putText(name, words, at + NAME_WORD)
    words[at + PLACE_LENGTH_WORD] = putText(place, words, at + NAME_WORD + nameWords)
    putId(`"${guid}"`, words, at + TEXT_ID_WORD)
    putId(uuidSpelling(guid), words, at + UUID_ID_WORD)
    return new App().standFor(words, at)
  }

  /** Makes it the app that has its words there. */
  standFor(words: Float64Array<ArrayBuffer>, at: number): this {
    const flags = words[at + FLAGS_WORD] as number
    const nameLength = words[at + NAME_LENGTH_WORD] as number
    this.words = words
    this.at = at
    this.exists = (flags & EXISTS) !== 0
    this.isSanitized = (flags & IS_SANITIZED) !== 0
    this.nameAt = at + NAME_WORD
    this.nameLength = nameLength | 0
    this.placeAt = at + NAME_WORD + wordCount(nameLength)
    this.placeLength = (words[at + PLACE_LENGTH_WORD] as number) | 0
    return this
  }

  /** When an event last named it, as of `Date.now()`. */
  get usedAtMs(): number {
    return this.words[this.at + USED_AT_WORD] as number
  }

  set usedAtMs(usedAtMs: number) {
    this.words[this.at + USED_AT_WORD] = usedAtMs
  }

  /** Whether it would be the same if it were made anew. */
  isStill(guid: string, metadata: AppMetadata, backslash?: Backslash): boolean {
    const { name, place, isSanitized } = tagsOf(guid, metadata, backslash)
    return this.exists && this.isSanitized === isSanitized && this.tags === name + place
  }

  /** As they stand in a line, but for what each kind of event has between the app and its org. */
  get tags(): string {
    const { words, nameAt, nameLength, placeAt, placeLength } = this
    return textAt(words, nameAt, nameLength) + textAt(words, placeAt, placeLength)
  }

  /** To another place, so that the memory it lay in can be freed. */
  move(): void {
    const { words, at, placeAt, placeLength } = this
    const end = placeAt + wordCount(placeLength)
    const to = allocateWords(end - at)
    to.words.set(words.subarray(at, end), to.at)
    this.standFor(to.words, to.at)
  }
}

interface Tags {
  readonly name: string
  readonly place: string
  readonly isSanitized: boolean
}

function tagsOf(guid: string, metadata: AppMetadata | undefined, backslash: Backslash = 'literal'): Tags {
  let isSanitized = false
  const tag = (key: string, value = '') => {
    const clean = cleanTagValue(value)
    if (clean !== value) isSanitized = true
    return clean === '' ? '' : `,${key}=${escapeTagValue(clean, backslash)}`
  }
  const name = tag('app', metadata?.app) + tag('app_guid', metadata?.app_guid ?? guid)
  const org = tag('org', metadata?.org) + tag('org_guid', metadata?.org_guid)
  const space = tag('space', metadata?.space) + tag('space_guid', metadata?.space_guid)
  return { name, place: org + space, isSanitized }
}

/** Leaves the length 0, which is no id's, where there is no such spelling or it is too long. */
function putId(id: string, words: Float64Array<ArrayBuffer>, at: number): void {
  const length = Buffer.byteLength(id)
  if (length < 8 || length > MAX_ID_BYTES) return
  putText(id, words, at)
  words[at + LAST_ID_WORD] = words[at + wordCount(length) - 1] as number
  words[at + ID_LENGTH_WORD] = length
}

/** Whether the id at word `at` is what `view` has from `start` to `end`. */
export function isId(words: Float64Array, at: number, view: DataView, start: number, end: number): boolean {
  const lastStart = end - 8
  if (words[at + ID_LENGTH_WORD] !== end - start || words[at + LAST_ID_WORD] !== view.getFloat64(lastStart, true)) return false
  for (let from = start, i = at; from < lastStart; from += 8, i++) if (view.getFloat64(from, true) !== words[i]) return false
  return true
}

/** A UUID's halves, each little-endian, as JSON spells them, with the delimiters around; '' where the guid is none. */
function uuidSpelling(guid: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(guid)) return ''
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return `:${bytes.readBigUInt64LE(0)},"high":${bytes.readBigUInt64LE(8)}}`
}
