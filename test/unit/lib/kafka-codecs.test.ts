import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { beforeAll, describe, expect, it } from 'vitest'
import { decompression, registerCodecs } from '../../../src/lib/kafka-codecs.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs
const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes

beforeAll(registerCodecs)

type Codec = keyof typeof CompressionCodecs

const decompress = (type: Codec, compressed: Buffer): Promise<Buffer> => CompressionCodecs[type]().decompress(compressed)
/** In memory of its own, as a fetch response is. */
const apart = (bytes: Uint8Array) => Buffer.from(new Uint8Array(bytes).buffer)

const text = Buffer.from('a line of a log '.repeat(20_000))

describe('reads what clients other than Java write', () => {
  it('raw snappy', async () => {
    expect(text.equals(await decompress(Snappy, compressSync(text)))).toBe(true)
  })

  it.each([
    { contentChecksum: true, blockChecksums: true },
    { contentChecksum: false, blockChecksums: false },
  ])('LZ4 frames with checksums %j', async (checksums) => {
    const noise = randomBytes(300_000)
    for (const value of [text, noise]) expect(value.equals(await decompress(LZ4, compressFrameSync(value, checksums)))).toBe(true)
  })

  it('several gzip members', async () => {
    const members = Buffer.concat([gzipSync(text), gzipSync(text)])
    expect(Buffer.concat([text, text]).equals(await decompress(GZIP, members))).toBe(true)
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
  const bombs: [string, Codec, () => Buffer][] = [
    ['gzip', GZIP, () => Buffer.concat(Array<Buffer>(140).fill(gzipSync(Buffer.alloc(1 << 20))))],
    ['raw snappy', Snappy, () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00])],
    ['xerial snappy', Snappy, xerialBomb],
    ['lz4', LZ4, lz4Bomb],
    ['zstd', ZSTD, () => zstdBomb(1100)],
  ]
  it.each(bombs)('%s', async (_, type, bomb) => {
    await expect(decompress(type, apart(bomb()))).rejects.toThrow(/cannot be decompressed: it would become more than 134217728 bytes/)
  })

  it('while one just below the bound is read', async () => {
    expect((await decompress(ZSTD, apart(zstdBomb(1000)))).length).toBe(1000 * 131_072)
  })
})

function xerialBomb(): Buffer {
  const block = compressSync(Buffer.alloc(1 << 20))
  const size = Buffer.alloc(4)
  size.writeUInt32BE(block.length)
  const header = Buffer.concat([Buffer.from('\x82SNAPPY\0', 'latin1'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
  return Buffer.concat([header, ...Array<Buffer[]>(140).fill([size, block]).flat()])
}

it.each<[string, Codec]>([
  ['gzip', GZIP],
  ['snappy', Snappy],
  ['lz4', LZ4],
  ['zstd', ZSTD],
])('says what cannot be read as %s', async (_, type) => {
  await expect(decompress(type, apart(Buffer.from('no compressed records at all')))).rejects.toThrow(
    /a record batch of 28 bytes cannot be decompressed: /,
  )
})

describe('one fetch response', () => {
  it('is put off from where 16 MiB of it are decompressed, as a partial message; the next response starts afresh', async () => {
    const batch = gzipSync(Buffer.alloc(6 << 20))
    const response = apart(Buffer.concat([batch, batch, batch, batch]))
    const part = (i: number) => response.subarray(i * batch.length, (i + 1) * batch.length)
    const before = decompression.putOff
    for (const i of [0, 1, 2]) expect((await decompress(GZIP, part(i))).length).toBe(6 << 20)
    await expect(decompress(GZIP, part(3))).rejects.toMatchObject({ name: 'KafkaJSPartialMessageError' })
    expect(decompression.putOff).toBe(before + 1)
    expect((await decompress(GZIP, apart(part(3)))).length).toBe(6 << 20)
  })
})
