import { putText, wordCount } from '../lib/words.ts'

/** Ids longer than this are not looked for by their bytes. Each has eight words: the text's, of which the last is in its place, and its length. */
export const MAX_ID_BYTES = 56
export const ID_WORDS = 8
export const LAST_ID_WORD = 6
export const ID_LENGTH_WORD = 7

/** Leaves the length 0, which is no id's, where there is no such spelling or it is too long. */
export function putId(id: string, words: Float64Array<ArrayBuffer>, at: number): void {
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
export function uuidSpelling(guid: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(guid)) return ''
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return `:${bytes.readBigUInt64LE(0)},"high":${bytes.readBigUInt64LE(8)}}`
}
