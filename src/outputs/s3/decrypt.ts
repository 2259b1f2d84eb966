import { readFile } from 'node:fs/promises'
import { errorText } from '../../lib/error-text.ts'
import { ConfigError } from '../../lib/errors.ts'
import { failureOf } from './answer.ts'
import { Bucket, type BucketOptions } from './bucket.ts'
import { type Opener, openerWith } from './sealed-object.ts'
import { SeenIds } from './seen-ids.ts'

export interface DecryptOptions {
  /** Files as age-keygen writes them. */
  readonly identityFiles: readonly string[]
  /** Paths, `s3://BUCKET/KEY`, or `s3://BUCKET/PREFIX/` for all below it. */
  readonly objects: readonly string[]
  /** How buckets are reached; asked for where there is one among the objects. Throws ConfigError. */
  readonly access: () => Omit<BucketOptions, 'bucket'>
  /** Rejects where nobody reads any more. */
  readonly write: (documents: Uint8Array) => Promise<void>
  /** Called with a line for each object that could not be read. */
  readonly complain: (line: string) => void
  readonly signal: AbortSignal
}

const SCHEME = 's3://'
const NEWLINE = 0x0a
const PAGE = 1000

/**
 * Prints the documents of objects, each event once. What cannot be read, or was changed, is named, and nothing of it is printed; all
 * others are. Resolves to the exit status: 0 where all were read.
 *
 * @throws ConfigError where an identity file is none.
 */
export async function decrypt({ identityFiles, objects, access, write, complain, signal }: DecryptOptions): Promise<0 | 1> {
  const open = await readIdentities(identityFiles)
  const buckets = new Buckets(objects.some((object) => object.startsWith(SCHEME)) ? access() : undefined)
  const seen = new SeenIds()
  let isWell = true
  const failed = (object: string, error: unknown) => {
    signal.throwIfAborted()
    isWell = false
    complain(printable(`${object}: ${inWords(error)}`))
  }
  try {
    for (const argument of objects) {
      try {
        for await (const object of buckets.below(argument, signal)) {
          let documents: Uint8Array
          try {
            documents = unseen(await open(await buckets.read(object, signal)), seen)
          } catch (error) {
            failed(object, error)
            continue
          }
          await write(documents)
        }
      } catch (error) {
        if (error instanceof NobodyReads) throw error
        failed(argument, error)
      }
    }
  } finally {
    await buckets.close()
  }
  return isWell ? 0 : 1
}

/** What {@link DecryptOptions.write} rejects with. */
export class NobodyReads extends Error {
  override readonly name = 'NobodyReads'
}

/** A key may hold anything, also what a terminal obeys. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}

/** The words of age are for programmers; what other errors say stands. */
function inWords(error: unknown): string {
  const text = errorText(error)
  if (text.startsWith('no identity matched')) return 'none of the identities opens it: it is encrypted to others'
  if (/^invalid tag|stream|header HMAC|parse|stanza|authenticat/i.test(text)) return `it is damaged, cut or forged (${text})`
  return text
}

async function readIdentities(files: readonly string[]): Promise<Opener> {
  const mistakes: string[] = []
  const identities: string[] = []
  for (const file of files) {
    try {
      const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
      const found = lines.filter((line) => line !== '' && !line.startsWith('#'))
      if (found.length === 0 || !found.every((line) => line.startsWith('AGE-SECRET-KEY-1'))) {
        mistakes.push(
          `--identity ${file}: found a file (not shown) that is none, expected lines AGE-SECRET-KEY-1…, as age-keygen writes them`,
        )
        continue
      }
      // One that is damaged is not shown: most of it is right.
      await openerWith(found).catch(() =>
        mistakes.push(`--identity ${file}: found a secret key (not shown) that is damaged, expected it whole`),
      )
      identities.push(...found)
    } catch (error) {
      mistakes.push(`--identity ${file}: cannot be read (${errorText(error)}), expected a file with secret keys of age`)
    }
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return openerWith(identities)
}

/** The lines whose event has not been printed yet. What names no event is kept. */
function unseen(documents: Buffer, seen: SeenIds): Buffer {
  const kept: Buffer[] = []
  for (let start = 0; start < documents.length; ) {
    const newline = documents.indexOf(NEWLINE, start)
    const end = newline < 0 ? documents.length : newline + 1
    const line = documents.subarray(start, end)
    const id = idOf(line)
    if (id === undefined || seen.add(id)) kept.push(line)
    start = end
  }
  // The next object's first line is a line of its own.
  if (kept.length > 0 && kept.at(-1)?.at(-1) !== NEWLINE) kept.push(Buffer.of(NEWLINE))
  return Buffer.concat(kept)
}

function idOf(line: Buffer): string | undefined {
  try {
    const { event } = JSON.parse(line.toString()) as { event?: { id?: unknown } }
    return typeof event?.id === 'string' ? event.id : undefined
  } catch {
    return undefined
  }
}

/** Objects in files and in buckets. */
class Buckets {
  readonly #access: Omit<BucketOptions, 'bucket'> | undefined
  readonly #open = new Map<string, Bucket>()

  constructor(access: Omit<BucketOptions, 'bucket'> | undefined) {
    this.#access = access
  }

  /** The object itself; of a prefix all that is below it. */
  async *below(object: string, signal: AbortSignal): AsyncGenerator<string> {
    if (!object.startsWith(SCHEME) || !/^s3:\/\/[^/]+(\/.*)?\/$/.test(object)) {
      yield object
      return
    }
    const { bucket, name, key } = this.#at(object)
    let isEmpty = true
    for (let token: string | undefined; ; ) {
      const answer = await bucket.list(key, PAGE, token, signal)
      if (answer.status !== 200) throw failureOf(answer).error
      const page = answer.bytes.toString()
      for (const [, found = ''] of page.matchAll(/<Key>([^<]*)<\/Key>/g)) {
        isEmpty = false
        yield `${SCHEME}${name}/${decodeURIComponent(found.replaceAll('+', ' '))}`
      }
      token = /<NextContinuationToken>([^<]+)</.exec(page)?.[1]
      if (token === undefined || !page.includes('<IsTruncated>true')) break
    }
    if (isEmpty) throw new Error('there is no object below it')
  }

  async read(object: string, signal: AbortSignal): Promise<Uint8Array> {
    if (!object.startsWith(SCHEME)) return readFile(object, { signal })
    const { bucket, key } = this.#at(object)
    const answer = await bucket.get(key, signal)
    if (answer.status !== 200) throw failureOf(answer).error
    return answer.bytes
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((bucket) => bucket.close()))
  }

  #at(object: string): { readonly bucket: Bucket; readonly name: string; readonly key: string } {
    const [, name = '', key = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(object) ?? []
    if (name === '' || this.#access === undefined) throw new Error('it names no object, expected s3://BUCKET/KEY')
    let bucket = this.#open.get(name)
    if (bucket === undefined) {
      bucket = new Bucket({ ...this.#access, bucket: name }, 1)
      this.#open.set(name, bucket)
    }
    return { bucket, name, key }
  }
}
