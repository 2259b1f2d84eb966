import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

const PIECE_BYTES = 256 * 1024
const GZIP_MAGIC = [0x1f, 0x8b]

/** The name that stands for standard input. */
export const STDIN = '-'

/** Size in bytes as it lies there; undefined where that is not known beforehand (a pipe). Throws in words where it cannot be read. */
export async function sizeOf(file: string): Promise<number | undefined> {
  if (file === STDIN) return undefined
  const stats = await stat(file)
  if (stats.isDirectory()) throw new Error('it is a directory')
  await access(file, constants.R_OK)
  return stats.isFile() ? stats.size : undefined
}

/** What tells a file from all others of this host, whatever its name: for standard input and pipes, that it is read now, by this process. */
export async function identityOf(file: string): Promise<string> {
  const stats = file === STDIN ? undefined : await stat(file)
  return stats?.isFile() === true ? `${stats.dev}/${stats.ino}` : `${file} ${process.pid} ${Date.now()}`
}

export interface PiecesOptions {
  readonly stdin: Readable
  readonly stop: AbortSignal
  /** Bytes as they lie there have been read. */
  readonly read: (bytes: number) => void
}

/** The bytes of a file, decompressed where they begin as gzip does, whatever its name. Once `stop` aborts it ends or throws. */
export async function* piecesOf(file: string, { stdin, stop, read }: PiecesOptions): AsyncIterable<Buffer> {
  const stream = file === STDIN ? stdin : createReadStream(file, { highWaterMark: PIECE_BYTES })
  const destroy = () => void stream.destroy()
  if (stop.aborted) destroy()
  stop.addEventListener('abort', destroy, { once: true })
  try {
    const pieces = counted(stream, read)
    const { value: first } = await pieces.next()
    if (first === undefined) return
    const all = again(first, pieces)
    if (!GZIP_MAGIC.every((byte, i) => first[i] === byte)) yield* all
    else yield* pipeline(all, createGunzip({ chunkSize: PIECE_BYTES }), () => {}) as AsyncIterable<Buffer>
  } finally {
    stop.removeEventListener('abort', destroy)
    stream.destroy()
  }
}

async function* counted(stream: Readable, read: (bytes: number) => void): AsyncGenerator<Buffer, undefined> {
  for await (const piece of stream) {
    const bytes = Buffer.isBuffer(piece) ? piece : Buffer.from(piece)
    read(bytes.length)
    yield bytes
  }
}

async function* again(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* rest
}
