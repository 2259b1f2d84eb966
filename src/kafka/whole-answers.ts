import { createRequire } from 'node:module'
import type { OnReadOpts } from 'node:net'

const LENGTH_BYTES = 4
/** What comes first is read into a buffer that is used again: most answers are small. */
const BEGINNING_BYTES = 16 * 1024
/** One that says it is longer is handed over in pieces of this size: as much memory is not taken on the word of a header. */
const LARGEST_PIECE_BYTES = 16 * 2 ** 20

/** kafkajs's connection, as far as it matters here. */
interface Connection {
  chunks: readonly Buffer[]
  readonly bytesBuffered: number
  processData(chunk: Buffer): void
}

let isDone = false

/** Lets kafkajs, in this whole process, take a whole answer as it is: it would copy it behind the rest of the one before, be that empty. */
export function takeWholeAnswers(): void {
  if (isDone) return
  isDone = true
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/connection.js') as { readonly prototype: Connection }
  const original = prototype.processData
  prototype.processData = function (this: Connection, chunk) {
    if (this.bytesBuffered === 0) this.chunks = []
    original.call(this, chunk)
  }
}

/**
 * Has a socket read each answer of Kafka (its length in 4 bytes, then as many) into a buffer of its own, as it comes from the kernel.
 * kafkajs keeps the stream's chunks of at most 64 KB until an answer is whole, and then copies them together: with fetches of
 * megabytes that was a tenth of the worker's CPU. What `take` gets is an answer together with its length, or a piece of a very long one.
 */
export function readWholeAnswers(take: (answer: Buffer) => void): OnReadOpts {
  const reader = new AnswerReader(take)
  return {
    buffer: () => reader.free,
    callback: (bytes) => {
      reader.filled(bytes)
      return true
    },
  }
}

class AnswerReader {
  readonly #take: (answer: Buffer) => void
  readonly #beginning = Buffer.allocUnsafeSlow(BEGINNING_BYTES)
  /** What is filled, and how far. */
  #buffer = this.#beginning
  #length = 0
  /** Of the answer that `#buffer` is a piece of: how much comes behind that. */
  #behind = 0

  constructor(take: (answer: Buffer) => void) {
    this.#take = take
  }

  /** Where the next bytes go. */
  get free(): Uint8Array {
    return this.#buffer.subarray(this.#length)
  }

  /** So many bytes of `free` came. */
  filled(bytes: number): void {
    this.#length += bytes
    if (this.#buffer === this.#beginning) this.#takeBeginning()
    else if (this.#length === this.#buffer.length) this.#takePiece()
  }

  /** Answers that are whole, and the first bytes of one that is not: of its length, or of a piece. */
  #takeBeginning(): void {
    const bytes = this.#beginning.subarray(0, this.#length)
    let at = 0
    while (bytes.length - at >= LENGTH_BYTES) {
      const size = LENGTH_BYTES + bytes.readUInt32BE(at)
      if (size > bytes.length - at) {
        this.#begin(size, bytes.subarray(at))
        return
      }
      this.#take(Buffer.from(bytes.subarray(at, at + size)))
      at += size
    }
    this.#beginning.copyWithin(0, at, bytes.length)
    this.#length = bytes.length - at
  }

  #begin(size: number, first: Buffer): void {
    this.#behind = size
    this.#nextPiece()
    first.copy(this.#buffer)
    this.#length = first.length
  }

  #takePiece(): void {
    const piece = this.#buffer
    this.#nextPiece()
    this.#take(piece)
  }

  #nextPiece(): void {
    const size = Math.min(this.#behind, LARGEST_PIECE_BYTES)
    this.#behind -= size
    this.#buffer = size === 0 ? this.#beginning : Buffer.allocUnsafeSlow(size)
    this.#length = 0
  }
}
