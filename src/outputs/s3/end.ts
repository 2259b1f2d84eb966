import { isIP } from 'node:net'
import { pair } from '../../config/ends.ts'
import type { OutputEnd } from '../end.ts'
import { checkS3 } from './check.ts'
import { MAX_WRITES, S3 } from './s3.ts'
import { TenantEncoder } from './tenant-encoder.ts'
import { settingsOf, variables } from './variables.ts'

/** An object is as large and as old as it gets: what it holds is not counted. */
const ANY_NUMBER = 2 ** 31

/** Documents as objects in S3, each of one tenant and encrypted to it. */
export const s3: OutputEnd<typeof variables> = {
  name: 's3',
  title: 'Output: s3',
  variables,
  *mistakes({ values, isSet }) {
    if (!isSet('CFMR_S3_BUCKET')) yield 'CFMR_S3_BUCKET: not set, expected the name of a bucket'
    yield* pair(isSet, 'CFMR_S3_ACCESSKEYID', 'CFMR_S3_SECRETACCESSKEY')
    yield* pair(isSet, 'CFMR_S3_TLSCERT', 'CFMR_S3_TLSKEY')
    const { CFMR_S3_ENDPOINT: endpoint, CFMR_S3_PATHSTYLE: pathStyle } = values
    if (pathStyle === false && endpoint !== undefined && isIP(new URL(endpoint).hostname.replace(/[[\]]/g, '')) !== 0) {
      yield 'CFMR_S3_PATHSTYLE: found false, expected true with an address in CFMR_S3_ENDPOINT: no name of a bucket goes before it'
    }
    if (values.CFMR_S3_TENANT === 'none' && values.CFMR_S3_RECIPIENTS?.table.hasDefault === false) {
      yield 'CFMR_S3_RECIPIENTS: found no "*", expected one with CFMR_S3_TENANT=none: tenants are not told apart'
    }
  },
  configure(values, common) {
    const settings = settingsOf(values, common)
    return {
      name: 's3',
      settings,
      build: (log) => ({
        output: new S3({ ...settings, log }),
        encoder: new TenantEncoder({ maxBytes: settings.documentMaxBytes, tenant: settings.tenant }),
        limits: {
          flushMessages: ANY_NUMBER,
          maxBytes: settings.objectBytes,
          flushIntervalMs: settings.objectAgeMs,
          maxWrites: MAX_WRITES,
          isByPlace: true,
        },
        ack: 'stored',
        spelling: () => ({ documents: true }),
      }),
      check: (_log, signal) => checkS3(settings, signal),
    }
  },
}
