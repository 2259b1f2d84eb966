/** What readers of whole words may read behind the last span. */
const SLACK_BYTES = 64
const INITIAL_BYTES = 4096
/** A buffer that one large message made larger than this is let go. */
const KEPT_BYTES = 256 * 1024

/** Text that an event's spans point to where they cannot point into the message. Grows as it must and is reused. */
export class Scratch {
  #bytes = Buffer.alloc(INITIAL_BYTES)
  #view = viewOf(this.#bytes)
  #length = 0

  /** All that was written so far. Another array after each {@link append} that made it grow. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes
  }

  /** Over the same memory as `bytes`. */
  get view(): DataView<ArrayBuffer> {
    return this.#view
  }

  get length(): number {
    return this.#length
  }

  clear(): void {
    this.#length = 0
    if (this.#bytes.length > KEPT_BYTES) this.#replace(INITIAL_BYTES)
  }

  /** Writes `text` as UTF-8 behind what is there and returns where it ends. */
  append(text: string): number {
    const needed = this.#length + text.length * 3 + SLACK_BYTES
    if (needed > this.#bytes.length) this.#replace(2 * needed)
    this.#length += this.#bytes.write(text, this.#length)
    return this.#length
  }

  #replace(size: number): void {
    const larger = Buffer.alloc(size)
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}

function viewOf(bytes: Buffer<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
