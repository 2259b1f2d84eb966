import type { ByteBuffer } from './byte-buffer.ts'
import { type Snippet, snippet } from './words.ts'

const BILLION = 1_000_000_000n
/** As many seconds are remembered, by their last digits: events come close together, but not all at once. */
const KNOWN_SECONDS = 256
const PREFIX_LENGTH = '2026-11-25T13:00:00.'.length

interface KnownSecond {
  seconds: number
  readonly text: Buffer
}

const known: KnownSecond[] = Array.from({ length: KNOWN_SECONDS }, () => ({ seconds: Number.NaN, text: Buffer.alloc(PREFIX_LENGTH) }))
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
  const entry = known[seconds & (KNOWN_SECONDS - 1)] as KnownSecond
  if (entry.seconds !== seconds) {
    entry.text.write(new Date(seconds * 1000).toISOString(), 'latin1')
    entry.seconds = seconds
  }
  to.bytes.set(entry.text, to.length)
  to.length += PREFIX_LENGTH
}
