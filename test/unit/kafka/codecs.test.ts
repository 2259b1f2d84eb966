import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import { decompress, registerCodecs } from '../../../src/kafka/codecs.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs
const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes

const text = Buffer.from('a line of a log '.repeat(20_000))

describe('reads what clients other than Java write', () => {
  it('raw snappy', () => {
    expect(text.equals(decompress(Snappy, compressSync(text)))).toBe(true)
  })

  it.each([
    { contentChecksum: true, blockChecksums: true },
    { contentChecksum: false, blockChecksums: false },
  ])('LZ4 frames with checksums %j', (checksums) => {
    const noise = randomBytes(300_000)
    for (const value of [text, noise]) expect(value.equals(decompress(LZ4, compressFrameSync(value, checksums)))).toBe(true)
  })

  it('several gzip members', () => {
    const members = Buffer.concat([gzipSync(text), gzipSync(text)])
    expect(Buffer.concat([text, text]).equals(decompress(GZIP, members))).toBe(true)
  })
})

/** Blocks of 128 KiB of one repeated byte, four bytes each. */
function zstdBomb(blocks: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58])
  const block = (isLast: boolean) => {
    const bits = (131_072 << 3) | (1 << 1) | Number(isLast)
    return Buffer.from([bits & 255, (bits >> 8) & 255, bits >> 16, 0x61])
  }
  return Buffer.concat([header, ...Array.from({ length: blocks }, (_, i) => block(i === blocks - 1))])
}

function lz4Bomb(): Buffer {
  const megabyte = compressFrameSync(Buffer.alloc(1 << 20), { contentChecksum: false, blockChecksums: false })
  const blocks = megabyte.subarray(7, -4)
  return Buffer.concat([megabyte.subarray(0, 7), ...Array<Buffer>(200).fill(blocks), Buffer.alloc(4)])
}

describe('a batch that would become too much for any memory is refused in words', () => {
  const bombs: [string, number, () => Buffer][] = [
    ['gzip', GZIP, () => Buffer.concat(Array<Buffer>(140).fill(gzipSync(Buffer.alloc(1 << 20))))],
    ['raw snappy', Snappy, () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00])],
    ['xerial snappy', Snappy, xerialBomb],
    ['lz4', LZ4, lz4Bomb],
    ['zstd', ZSTD, () => zstdBomb(1100)],
  ]
  it.each(bombs)('%s', (_, type, bomb) => {
    expect(() => decompress(type, bomb())).toThrow(/cannot be decompressed: it would become more than 134217728 bytes/)
  })

  it('while one just below the bound is read', () => {
    expect(decompress(ZSTD, zstdBomb(1000)).length).toBe(1000 * 131_072)
  })
})

function xerialBomb(): Buffer {
  const block = compressSync(Buffer.alloc(1 << 20))
  const size = Buffer.alloc(4)
  size.writeUInt32BE(block.length)
  const header = Buffer.concat([Buffer.from('\x82SNAPPY\0', 'latin1'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
  return Buffer.concat([header, ...Array<Buffer[]>(140).fill([size, block]).flat()])
}

it.each<[string, number]>([
  ['gzip', GZIP],
  ['snappy', Snappy],
  ['lz4', LZ4],
  ['zstd', ZSTD],
])('says what cannot be read as %s', (_, type) => {
  expect(() => decompress(type, Buffer.from('no compressed records at all'))).toThrow(/a record batch of 28 bytes cannot be decompressed: /)
})

it('says so where Kafka has a compression that is not known here', () => {
  expect(() => decompress(7, text)).toThrow('its compression, number 7, is unknown')
})

it('teaches kafkajs the same, for messages in a format older than record batches', async () => {
  registerCodecs()
  expect(text.equals(await CompressionCodecs[Snappy]().decompress(compressSync(text)))).toBe(true)
})

describe('reads odd but right bytes that other consumers read', () => {
  it('several streams of xerial snappy', () => {
    const header = Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1')
    const block = compressSync(text)
    const size = Buffer.alloc(4)
    size.writeUInt32BE(block.length)
    const stream = Buffer.concat([header, size, block])
    expect(Buffer.concat([text, text]).equals(decompress(Snappy, Buffer.concat([stream, stream])))).toBe(true)
  })

  it('an LZ4 frame of 4 MB blocks with many small ones', () => {
    const texts = Array.from({ length: 200 }, (_, number) => `${number} ${'x'.repeat(100_000)}`)
    const blocks = texts.map((part) => compressFrameSync(part, { contentChecksum: false, blockChecksums: false }).subarray(7, -4))
    const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73])
    expect(decompress(LZ4, Buffer.concat([header, ...blocks, Buffer.alloc(4)])).toString()).toBe(texts.join(''))
  })
})
