const HEADER_BYTES = 8
const STDERR = 2
const ENGINE = 3
/** The engine cuts lines at 16 KiB, other drivers' at 1 MB. What claims more is no frame. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** What one record of a log came in: its stream, or what the engine itself says in place of a log. */
export interface LogFrame {
  readonly stream: 'stdout' | 'stderr' | 'engine'
  readonly bytes: Buffer
}

/** The bytes are no frames: whatever follows means nothing. */
export class DamagedStream extends Error {
  override readonly name = 'DamagedStream'
}

/**
 * Takes Docker's multiplexed stream apart: 1 byte stream, 3 bytes 0, 4 bytes size (big endian), then as many bytes. HTTP's chunks
 * may cut it anywhere. Frames are views of the chunks where they can be.
 */
export class FrameReader {
  #pieces: Buffer[] = []
  #bytes = 0
  /** How many bytes must be there to go on. */
  #wanted = HEADER_BYTES

  /** Bytes of a frame that has begun and not ended. */
  get unfinished(): number {
    return this.#bytes
  }

  /** The frames that end in this chunk, in order. Throws {@link DamagedStream}, after those that are whole. */
  *push(chunk: Buffer): Generator<LogFrame, undefined> {
    this.#pieces.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#wanted) return
    const all = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces, this.#bytes)
    let at = 0
    this.#wanted = HEADER_BYTES
    while (all.length - at >= HEADER_BYTES) {
      const size = sizeAt(all, at)
      if (all.length - at < HEADER_BYTES + size) {
        this.#wanted = HEADER_BYTES + size
        break
      }
      const start = at + HEADER_BYTES
      const type = all[at] as number
      at = start + size
      if (size > 0) yield { stream: type === STDERR ? 'stderr' : type === ENGINE ? 'engine' : 'stdout', bytes: all.subarray(start, at) }
    }
    this.#bytes = all.length - at
    this.#pieces = this.#bytes === 0 ? [] : [all.subarray(at)]
  }
}

function sizeAt(bytes: Buffer, at: number): number {
  const type = bytes[at] as number
  const size = bytes.readUInt32BE(at + 4)
  if (type <= ENGINE && bytes[at + 1] === 0 && bytes[at + 2] === 0 && bytes[at + 3] === 0 && size <= MAX_FRAME_BYTES) return size
  const found = bytes.subarray(at, at + HEADER_BYTES).toString('hex')
  throw new DamagedStream(
    `found ${found}, expected the header of a frame (stream 0 to 3, three bytes 00, at most ${MAX_FRAME_BYTES} bytes)`,
  )
}
