import type { ByteBuffer } from './byte-buffer.ts'
import { putText, type Snippet, snippet, wordCount } from './words.ts'

const BILLION = 1_000_000_000n
/** As many seconds are remembered, by their last digits: events come close together, but not all at once. */
const KNOWN_SECONDS = 256
const PREFIX_LENGTH = '2026-11-25T13:00:00.'.length

const PREFIX_WORDS = wordCount(PREFIX_LENGTH)
const knownSeconds = new Float64Array(KNOWN_SECONDS).fill(Number.NaN)
const prefixes = new Float64Array(KNOWN_SECONDS * PREFIX_WORDS)
const END: Snippet = snippet('Z')

/**
 * Appends a time as RFC 3339 has it, in UTC with nine digits of a second. `view` from `start` to `end` has it in ns since 1970, decimal, at most
 * 64 bits. The room is reserved: 30 bytes.
 */
export function appendTime(view: DataView, start: number, end: number, to: ByteBuffer): void {
  if (end - start === 19 && view.getUint8(start) !== 0x2d) {
    let seconds = 0
    for (let at = start; at < start + 10; at++) seconds = seconds * 10 + view.getUint8(at) - 0x30
    appendSecond(seconds, to)
    to.appendSpan(view, start + 10, end)
  } else {
    const ns = BigInt(Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + start, end - start).toString('latin1'))
    const fraction = ((ns % BILLION) + BILLION) % BILLION
    appendSecond(Number((ns - fraction) / BILLION), to)
    to.appendAscii(String(fraction).padStart(9, '0'))
  }
  to.appendSnippet(END)
}

function appendSecond(seconds: number, to: ByteBuffer): void {
  const entry = seconds & (KNOWN_SECONDS - 1)
  if (knownSeconds[entry] !== seconds) {
    putText(new Date(seconds * 1000).toISOString().slice(0, PREFIX_LENGTH), prefixes, entry * PREFIX_WORDS)
    knownSeconds[entry] = seconds
  }
  to.appendWords(prefixes, entry * PREFIX_WORDS, PREFIX_LENGTH)
}
