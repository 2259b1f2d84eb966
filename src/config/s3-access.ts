import { ConfigError } from '../lib/errors.ts'
import { Secrets } from '../lib/secrets.ts'
import { accessOf } from '../outputs/s3/variables.ts'
import { trustedCertificates } from './certificates.ts'
import { pair } from './ends.ts'
import { type Environment, readSettings } from './environment.ts'
import { readValues } from './values.ts'
import type { VariableName } from './variables.ts'

/**
 * How buckets are reached, by the variables CFMR_S3_…, for whoever has not all that a worker needs.
 *
 * @throws ConfigError with every mistake in them; those in others are no concern here.
 */
export function readS3Access(env: Environment) {
  const mistakes: string[] = []
  const settings = readSettings(env, [])
  const values = readValues(settings, mistakes)
  const isSet = (name: VariableName) => settings.texts[name] !== undefined
  mistakes.push(...pair(isSet, 'CFMR_S3_ACCESSKEYID', 'CFMR_S3_SECRETACCESSKEY'))
  const concerned = mistakes.filter((mistake) => mistake.startsWith('CFMR_S3_'))
  if (concerned.length > 0) throw new ConfigError(concerned)
  const { CFMR_S3_SECRETACCESSKEY: secret } = values
  return { ...accessOf(values, trustedCertificates(env, [])), secrets: new Secrets(secret === undefined ? [] : [secret]) }
}
