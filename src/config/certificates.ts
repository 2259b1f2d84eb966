import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { errorText } from '../lib/error-text.ts'
import type { Environment } from './environment.ts'

/** What a variable names and cannot be read. */
export interface Unreadable {
  readonly variable: string
  readonly path: string
  readonly why: string
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/**
 * The certificates of authorities to trust, in PEM: Node's own, and those that the platform trusts (the files of the folder
 * CF_SYSTEM_CERT_PATH, and the bundle SSL_CERT_FILE), with NODE_EXTRA_CA_CERTS, which Node leaves out where it is told whom to trust.
 * Undefined where the platform names none: then Node's own way holds. What cannot be read goes to `unreadable`.
 */
export function trustedCertificates(env: Environment, unreadable: Unreadable[]): readonly string[] | undefined {
  const folder = env['CF_SYSTEM_CERT_PATH']?.trim() ?? ''
  const bundle = env['SSL_CERT_FILE']?.trim() ?? ''
  if (folder === '' && bundle === '') return undefined
  const read = (variable: string, path: string) => {
    try {
      return readFileSync(path, 'utf8').match(CERTIFICATE) ?? []
    } catch (error) {
      unreadable.push({ variable, path, why: errorText(error) })
      return []
    }
  }
  const platform = [
    ...filesIn(folder, unreadable).flatMap((path) => read('CF_SYSTEM_CERT_PATH', path)),
    ...(bundle === '' ? [] : read('SSL_CERT_FILE', bundle)),
  ]
  if (platform.length === 0) return undefined
  const extra = env['NODE_EXTRA_CA_CERTS']?.trim() ?? ''
  return [...new Set([...rootCertificates, ...(extra === '' ? [] : read('NODE_EXTRA_CA_CERTS', extra)), ...platform])]
}

function filesIn(folder: string, unreadable: Unreadable[]): readonly string[] {
  if (folder === '') return []
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => join(folder, name))
  } catch (error) {
    unreadable.push({ variable: 'CF_SYSTEM_CERT_PATH', path: folder, why: errorText(error) })
    return []
  }
}
