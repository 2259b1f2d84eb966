import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { scratchFolder } from '../../../dev/scratch-folder.ts'
import { trustedCertificates, type Unreadable } from '../../../src/config/certificates.ts'

const folder = scratchFolder('certificates')
const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`
mkdirSync(join(folder, 'platform', 'folder within'), { recursive: true })
writeFileSync(join(folder, 'platform', 'a.crt'), `# a comment\n${pem('A')}\n${pem('B')}\n`)
writeFileSync(join(folder, 'platform', 'readme'), 'nothing to trust')
writeFileSync(join(folder, 'bundle.pem'), pem('C'))
writeFileSync(join(folder, 'extra.pem'), pem('D'))

test('the platform’s certificates stand beside Node’s own and those that Node was told of', () => {
  const warnings: Unreadable[] = []
  const env = {
    CF_SYSTEM_CERT_PATH: join(folder, 'platform'),
    SSL_CERT_FILE: join(folder, 'bundle.pem'),
    NODE_EXTRA_CA_CERTS: join(folder, 'extra.pem'),
  }
  const trusted = trustedCertificates(env, warnings) ?? []
  expect(trusted.slice(0, rootCertificates.length)).toEqual(rootCertificates)
  expect(trusted.slice(rootCertificates.length)).toEqual(['D', 'A', 'B', 'C'].map(pem))
  expect(warnings).toEqual([])
})

test('without any, Node’s own way holds', () => {
  expect(trustedCertificates({}, [])).toBeUndefined()
  expect(trustedCertificates({ CF_SYSTEM_CERT_PATH: ' ', NODE_EXTRA_CA_CERTS: join(folder, 'extra.pem') }, [])).toBeUndefined()
})

test('what cannot be read is said, and stops nothing', () => {
  const warnings: Unreadable[] = []
  expect(trustedCertificates({ CF_SYSTEM_CERT_PATH: join(folder, 'none'), SSL_CERT_FILE: folder }, warnings)).toBeUndefined()
  expect(warnings).toEqual([
    { variable: 'CF_SYSTEM_CERT_PATH', path: join(folder, 'none'), why: expect.stringContaining('ENOENT') },
    { variable: 'SSL_CERT_FILE', path: folder, why: expect.stringContaining('EISDIR') },
  ])
})
