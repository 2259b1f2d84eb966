import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

const AGE_MAGIC = Buffer.from('age-encryption.org/v1\n')
const GZIP_MAGIC = Buffer.of(0x1f, 0x8b)
/** What an object of a stranger's may become. */
const MOST_BYTES = 2 ** 30

/** Loaded only where something is encrypted or opened. */
const age = () => import('age-encryption')

/** Documents as an object: compressed, and encrypted to all `recipients` where there are any. Random: never twice the same. */
export async function seal(documents: Uint8Array, recipients: readonly string[]): Promise<Uint8Array> {
  const compressed = await compress(documents)
  if (recipients.length === 0) return compressed
  const { Encrypter } = await age()
  const encrypter = new Encrypter()
  for (const recipient of new Set(recipients)) encrypter.addRecipient(recipient)
  return encrypter.encrypt(compressed)
}

/** Opens objects with any of some identities. */
export type Opener = (object: Uint8Array) => Promise<Buffer>

/**
 * Rejects, in words, where no identity opens an object, or it is damaged: then nothing of it is believed.
 *
 * @throws where an identity is none; the error does not hold it.
 */
export async function openerWith(identities: readonly string[]): Promise<Opener> {
  const { Decrypter } = await age()
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  return async (object) => {
    const isEncrypted = AGE_MAGIC.equals(object.subarray(0, AGE_MAGIC.length))
    const compressed = isEncrypted ? await decrypter.decrypt(object) : object
    if (!GZIP_MAGIC.equals(compressed.subarray(0, 2))) throw new Error('it is not an object of ours: neither age nor gzip')
    return decompress(compressed, { maxOutputLength: MOST_BYTES })
  }
}
