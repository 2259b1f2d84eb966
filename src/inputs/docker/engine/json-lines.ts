const LINE_FEED = 10

/** More than any event or reading of a container has, however many labels it has. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024

/**
 * A member that is an integer of more than 15 digits, the most that a double holds exactly. No text of JSON can look like it: behind a quote that opens one comes no colon
 * but its own, before it no letter; and one within is escaped.
 */
const LONG_INTEGER = /(\w"\s*:\s*)(-?\d{16,})(?=\s*[,}])/g

/**
 * JSON as the engine writes it. A member that is an integer of more than 15 digits (times in ns, counters) becomes a text of its digits, since a double has no room for
 * them; one in a list keeps what a double holds of it. Throws a SyntaxError as JSON.parse does.
 */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text.replace(LONG_INTEGER, '$1"$2"'))
}

/** A frame that is no JSON, or longer than memory is meant for. */
interface DamagedFrame {
  /** In words. */
  readonly problem: string
}

export type Frame = { readonly json: unknown } | DamagedFrame

/**
 * The objects of a stream of JSON (events, usage): the engine ends each with a line feed, and HTTP's chunks may cut it anywhere or hold
 * several. One that cannot be read is a damaged frame, and those behind it are read. What the stream ends within is left out.
 */
export async function* jsonLines(chunks: AsyncIterable<Buffer>, maxBytes = MAX_FRAME_BYTES): AsyncGenerator<Frame, undefined> {
  let pieces: Buffer[] = []
  let bytes = 0
  const keep = (piece: Buffer) => {
    bytes += piece.length
    if (bytes <= maxBytes) pieces.push(piece)
    else pieces = []
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end))
      const frame =
        bytes > maxBytes ? { problem: `a frame of ${bytes} bytes, expected ${maxBytes} at most` } : frameOf(Buffer.concat(pieces))
      if (frame !== undefined) yield frame
      pieces = []
      bytes = 0
      start = end + 1
    }
    if (start < chunk.length) keep(chunk.subarray(start))
  }
}

/** Undefined of a blank line. RFC 7464 (JSON text sequences), which newer engines may choose, puts a record separator before each. */
function frameOf(line: Buffer): Frame | undefined {
  const text = line.toString().replace('\u001e', '').trim()
  if (text === '') return undefined
  try {
    return { json: parseExactJson(text) }
  } catch {
    return { problem: `a frame of ${line.length} bytes that is not JSON` }
  }
}
