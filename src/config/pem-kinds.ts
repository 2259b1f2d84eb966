import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expected, kind } from './kinds.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** One certificate or more, as PEM text. */
export const certificates = kind('PEM text or a path', (value) => {
  const pem = pemText(value)
  const blocks = pem.match(CERTIFICATE)
  if (blocks === null) throw expected('PEM text with a certificate (-----BEGIN CERTIFICATE-----), or the path of such a file')
  for (const block of blocks) mustParse(() => new X509Certificate(block), 'certificates that can be read')
  return pem
})

/** A private key without a passphrase, as PEM text. */
export const privateKey = kind('PEM text or a path', (value) => {
  const pem = pemText(value)
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw expected('PEM text with a private key (-----BEGIN PRIVATE KEY-----), or the path of such a file')
  if (/ENCRYPTED/.test(pem)) throw expected('a private key without a passphrase')
  mustParse(() => createPrivateKey(pem), 'a private key that can be read')
  return pem
})

/** Text that holds PEM is taken as it is, with `\n` for line breaks if it has none; anything else is a path. */
function pemText(value: string): string {
  if (value.includes('-----BEGIN')) return /[\r\n]/.test(value.trim()) ? value : value.replaceAll('\\n', '\n')
  try {
    return readFileSync(value.trim(), 'utf8')
  } catch (error) {
    throw expected(`PEM text or the path of a file that can be read (${(error as NodeJS.ErrnoException).code ?? 'it cannot'})`)
  }
}

function mustParse(parse: () => unknown, what: string): void {
  try {
    parse()
  } catch {
    throw expected(what)
  }
}
