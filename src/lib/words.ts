/**
 * Texts in UTF-8 that are compared and copied eight bytes at a time, as doubles. A text's last word is its last eight bytes, so it may
 * overlap the one before; a text shorter than a word is followed by NULs. Two words are equal as doubles where their bits
 * are: no valid UTF-8 reads as a NaN, and without NULs none is 0.
 */
export const SLAB_WORDS = 1 << 15
let slab = new Float64Array(SLAB_WORDS)
let used = 0

/**
 * Room for `count` words that belong together, side by side: then reading them costs one cache miss, and not one for each.
 * Many share an array, which is freed with the last of them.
 */
export function allocateWords(count: number): { readonly words: Float64Array<ArrayBuffer>; readonly at: number } {
  if (count > SLAB_WORDS / 16) return { words: new Float64Array(count), at: 0 }
  if (used + count > SLAB_WORDS) {
    slab = new Float64Array(SLAB_WORDS)
    used = 0
  }
  used += count
  return { words: slab, at: used - count }
}

/** How many words a text of so many bytes takes. */
export function wordCount(length: number): number {
  return (length + 7) >> 3
}

/** Writes `text` from word `at` on; returns its length in bytes. */
export function putText(text: string, words: Float64Array<ArrayBuffer>, at: number): number {
  const bytes = Buffer.from(words.buffer, 8 * at)
  const length = bytes.write(text)
  if (length > 8) bytes.copy(bytes, 8 * (wordCount(length) - 1), length - 8, length)
  return length
}

/** What {@link putText} wrote there. */
export function textAt(words: Float64Array, at: number, length: number): string {
  const bytes = Buffer.from(words.buffer, words.byteOffset + 8 * at, 8 * wordCount(length))
  if (length <= 8) return bytes.toString('utf8', 0, length)
  const lastAt = bytes.length - 8
  return Buffer.concat([bytes.subarray(0, lastAt), bytes.subarray(2 * lastAt + 8 - length)]).toString()
}

/** A text of its own. */
export interface Snippet {
  readonly words: Float64Array
  readonly at: number
  /** In bytes. */
  readonly length: number
}

/** A literal, because the compiler takes its fields as constants, which it does not with fields that a class declares first. */
export function snippet(text: string): Snippet {
  const { words, at } = allocateWords(wordCount(Buffer.byteLength(text)))
  return { words, at, length: putText(text, words, at) }
}
