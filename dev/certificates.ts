import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of PEM files; the CA signed both the server's (localhost, 127.0.0.1) and the client's certificate. */
export interface Certificates {
  readonly ca: string
  /** Key and certificate in one file, as Kafka's PEM key store wants them. */
  readonly serverKeyStore: string
  readonly clientCertificate: string
  readonly clientKey: string
  /** Of a CA that signed nothing here. */
  readonly otherCa: string
}

/** Made by openssl into `folder`, good for a day. */
export function makeCertificates(folder: string): Certificates {
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

  const authority = (name: string) =>
    openssl('req', '-x509', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`), '-days', '1', '-subj', `/CN=${name}`)
  const signed = (name: string, names: string) => {
    openssl('req', '-new', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`)
    writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\n`)
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1', '-extfile', at(`${name}.ext`)]
    openssl('x509', '-req', '-in', at(`${name}.csr`), '-out', at(`${name}.pem`), ...by)
  }
  authority('ca')
  authority('other-ca')
  signed('server', 'DNS:localhost,IP:127.0.0.1')
  signed('client', 'DNS:client')
  writeFileSync(at('server-store.pem'), readFileSync(at('server.key'), 'utf8') + readFileSync(at('server.pem'), 'utf8'))
  return {
    ca: at('ca.pem'),
    serverKeyStore: at('server-store.pem'),
    clientCertificate: at('client.pem'),
    clientKey: at('client.key'),
    otherCa: at('other-ca.pem'),
  }
}
