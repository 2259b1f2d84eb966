import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { Decompress as ZstdStream } from 'fzstd'
import kafkajs from 'kafkajs'
import { compressFrame, decompressFrameSync } from 'lz4-napi'
import { compress as compressSnappy, uncompressSync } from 'snappy'
import { toError } from '../lib/errors.ts'

const { CompressionCodecs, CompressionTypes, KafkaJSNonRetriableError } = kafkajs

/** By Kafka's number; 0 is not at all. */
export const CODEC_NAMES: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** The most that one record batch may become. Producers end a batch at about 1 MB before compression; this is no honest one. */
const MAX_BATCH_BYTES = 128 * 1024 * 1024

/** Teaches kafkajs, for the whole process, to read every compression of Kafka, and to write it where that can be done; may be called again. */
export function registerCodecs(): void {
  for (const type of Object.keys(decompressors).map(Number)) {
    CompressionCodecs[type as keyof typeof CompressionCodecs] = () => ({
      compress: async ({ buffer }: { readonly buffer: Buffer }) => compress(type, buffer),
      decompress: async (compressed: Buffer) => decompress(type, compressed),
    })
  }
}

/** `type` is Kafka's number for the codec. Throws where that is unknown, or the bytes are not what it makes, or become too many. */
export function decompress(type: number, compressed: Buffer): Buffer {
  const failed = (why: string, cause?: unknown) => {
    const error = new KafkaJSNonRetriableError(`a record batch of ${compressed.length} bytes cannot be decompressed: ${why}`)
    return Object.assign(error, { cause })
  }
  const decompressor = decompressors[type]
  if (decompressor === undefined) throw failed(`its compression, number ${type}, is unknown`)
  try {
    return decompressor(compressed)
  } catch (thrown) {
    const error = toError(thrown)
    throw failed(error instanceof TooLarge || ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') ? TOO_LARGE : error.message, error)
  }
}

/** Whether this Node can write zstd: 22.15 and later. */
export const canWriteZstd = 'zstdCompressSync' in zlib

/** `type` is Kafka's number for the codec. Rejects where this Node cannot write it. */
export async function compress(type: number, bytes: Buffer): Promise<Buffer> {
  switch (type) {
    case CompressionTypes.GZIP:
      return gzip(bytes, { level: 1 })
    case CompressionTypes.Snappy:
      return xerial(await compressSnappy(bytes))
    case CompressionTypes.LZ4:
      return compressFrame(bytes)
    case CompressionTypes.ZSTD:
      if (canWriteZstd) return (zlib as unknown as { zstdCompressSync(bytes: Buffer): Buffer }).zstdCompressSync(bytes)
  }
  throw new KafkaJSNonRetriableError(`compression number ${type} cannot be written by this version of Node`)
}

const gzip = promisify(zlib.gzip)

/** One block in the framing of snappy-java, which every client reads. */
function xerial(block: Buffer): Buffer {
  const header = Buffer.alloc(XERIAL_HEADER_BYTES + 4)
  XERIAL_MAGIC.copy(header)
  header.writeInt32BE(1, XERIAL_MAGIC.length)
  header.writeInt32BE(1, XERIAL_MAGIC.length + 4)
  header.writeInt32BE(block.length, XERIAL_HEADER_BYTES)
  return Buffer.concat([header, block])
}

/** Synchronous: record batches are small, and handing one to another thread costs several times the work itself. */
type Decompressor = (compressed: Buffer) => Buffer

const decompressors: Readonly<Record<number, Decompressor>> = {
  [CompressionTypes.GZIP]: (compressed) => withoutSlack(zlib.gunzipSync(compressed, { maxOutputLength: MAX_BATCH_BYTES })),
  [CompressionTypes.Snappy]: snappy,
  [CompressionTypes.LZ4]: lz4,
  [CompressionTypes.ZSTD]: zstd(),
}

const TOO_LARGE = `it would become more than ${MAX_BATCH_BYTES} bytes`

class TooLarge extends Error {}

function checkSize(bytes: number): void {
  if (bytes > MAX_BATCH_BYTES) throw new TooLarge(TOO_LARGE)
}

/** What the stream of snappy-java (xerial) begins with, before two 32-bit versions; Kafka's Java clients and brokers write it. */
const XERIAL_MAGIC = Buffer.from('\x82SNAPPY\0', 'latin1')
const XERIAL_HEADER_BYTES = 16

/** Raw snappy, as many clients write it, or blocks of it in the framing of snappy-java. */
function snappy(compressed: Buffer): Buffer {
  if (!compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappyBlock(compressed)
  const blocks: Buffer[] = []
  let bytes = 0
  for (let start = 0; start < compressed.length; ) {
    // Streams may follow one another, each with its header; no block is as long as the magic would say.
    if (compressed.subarray(start, start + XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
      start += XERIAL_HEADER_BYTES
      continue
    }
    const end = start + 4 + compressed.readUInt32BE(start)
    const block = snappyBlock(compressed.subarray(start + 4, end))
    bytes += block.length
    checkSize(bytes)
    blocks.push(block)
    start = end
  }
  return Buffer.concat(blocks, bytes)
}

function snappyBlock(block: Buffer): Buffer {
  checkSize(varint(block))
  return uncompressSync(block, { asBuffer: true }) as Buffer
}

/** The length that a raw snappy block begins with: 32 bits, little-endian, 7 to a byte. */
function varint(bytes: Buffer): number {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) break
  }
  return value
}

function lz4(compressed: Buffer): Buffer {
  // Looking at each sequence costs as much as decompressing: only where the frame's blocks might be too much.
  if (lz4Size(compressed, (_block, most) => most) > MAX_BATCH_BYTES) checkSize(lz4Size(compressed, lz4BlockSize))
  return decompressFrameSync(compressed)
}

const LZ4_BLOCK_CHECKSUM = 0x10
const LZ4_CONTENT_SIZE = 0x08
const LZ4_DICTIONARY = 0x01
const LZ4_STORED = 0x8000_0000

/**
 * What an LZ4 frame becomes, by its block headers. `sizeOf` is asked for each compressed block; `most` is what it can become: blocks
 * have a largest size, and become at most 255 times as long as they were.
 */
function lz4Size(frame: Buffer, sizeOf: (block: Buffer, most: number) => number): number {
  const flags = frame.readUInt8(4)
  const maxBlock = 4 ** ((frame.readUInt8(5) >> 4) & 7) * 256
  const trailer = flags & LZ4_BLOCK_CHECKSUM ? 4 : 0
  let at = 7 + (flags & LZ4_CONTENT_SIZE ? 8 : 0) + (flags & LZ4_DICTIONARY ? 4 : 0)
  let total = 0
  while (at + 4 <= frame.length) {
    const header = frame.readUInt32LE(at)
    const size = header % LZ4_STORED
    if (size === 0) break
    const isStored = header >= LZ4_STORED
    total += isStored ? size : sizeOf(frame.subarray(at + 4, at + 4 + size), Math.min(maxBlock, size * 255))
    at += 4 + size + trailer
  }
  return total
}

/** Adds up an LZ4 block's sequences: literals, whose number the upper half of a token says, then a match, of 4 bytes and what the lower half says. */
function lz4BlockSize(block: Buffer, most: number): number {
  let at = 0
  let total = 0
  const extended = (length: number) => {
    if (length < 15) return length
    let whole = length
    for (let byte = 255; byte === 255 && at < block.length; ) {
      byte = block[at++] as number
      whole += byte
    }
    return whole
  }
  while (at < block.length && total <= most) {
    const token = block[at++] as number
    const literals = extended(token >> 4)
    at += literals
    total += literals
    // The last sequence ends with its literals.
    if (at >= block.length) break
    at += 2
    total += 4 + extended(token & 15)
  }
  return total
}

type NativeZstd = (compressed: Buffer, options: { readonly maxOutputLength: number }) => Buffer

/** Node's own from 22.15 on, else one in JavaScript. */
function zstd(): Decompressor {
  const native = 'zstdDecompressSync' in zlib ? (zlib.zstdDecompressSync as NativeZstd) : undefined
  if (native === undefined) return zstdInJavaScript
  return (compressed) => withoutSlack(native(compressed, { maxOutputLength: MAX_BATCH_BYTES }))
}

/** zlib gives out the beginning of a chunk of 16 KB, which a single small message would keep alive. */
function withoutSlack(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength > 2 * bytes.length ? Buffer.from(bytes) : bytes
}

/** Piece by piece, because what Java writes does not say how large it will be. */
export function zstdInJavaScript(compressed: Uint8Array): Buffer {
  const pieces: Uint8Array[] = []
  let bytes = 0
  const stream = new ZstdStream((piece) => {
    bytes += piece.length
    checkSize(bytes)
    pieces.push(piece)
  })
  stream.push(compressed, true)
  return Buffer.concat(pieces, bytes)
}
