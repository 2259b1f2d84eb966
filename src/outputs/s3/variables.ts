import type { Common, ValuesOf } from '../../config/ends.ts'
import { boolean, duration, expected, integer, kind, oneOf, secret, text } from '../../config/kinds.ts'
import { certificates, privateKey } from '../../config/pem-kinds.ts'
import { baseUrl } from '../../config/url-kinds.ts'
import { errorText } from '../../lib/error-text.ts'
import type { BucketOptions } from './bucket.ts'
import { parseAuditors } from './recipients.ts'
import { type RecipientSource, readRecipients } from './recipients-file.ts'
import { TENANT_LEVELS } from './tenant.ts'

const MEBIBYTE = 2 ** 20
/** S3 takes keys of 1,024 bytes: the rest is for tenant, time and name. */
const LONGEST_PREFIX = 512

const bucketName = kind('name of a bucket', (value) => {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]$/.test(value.trim())) throw expected('the name of a bucket alone, without s3://')
  return value.trim()
})

const prefix = kind('text', (value) => {
  const folders = value.trim().replace(/^\/+|\/+$/g, '')
  if (!/^[\w.=-]+(\/[\w.=-]+)*$/.test(folders) || folders.length > LONGEST_PREFIX)
    throw expected('letters, digits and . _ = - with single slashes between, at most 512 characters')
  return folders
})

const region = kind('text', (value) => {
  if (!/^[a-z0-9-]+$/i.test(value.trim())) throw expected('a region such as eu-central-1')
  return value.trim()
})

const recipients = kind(
  'JSON text or a path',
  (value): RecipientSource =>
    inWords(() => readRecipients(value), 'a JSON object of tenants, each with a list of recipients, or the path of such a file'),
)

const auditors = kind('list of recipients', (value) => inWords(() => parseAuditors(value), 'recipients of age with commas between'))

/** What is wrong is said without the value: somebody may have put a secret key there. */
function inWords<T>(read: () => T, what: string): T {
  try {
    return read()
  } catch (error) {
    throw expected(`${what} (${errorText(error)})`)
  }
}

export const variables = {
  CFMR_S3_BUCKET: bucketName({ desc: 'The bucket that objects are put into.', otherwise: 'required' }),
  CFMR_S3_ENDPOINT: baseUrl(
    'https://s3.example.com',
    'CFMR_S3_ACCESSKEYID and CFMR_S3_SECRETACCESSKEY',
  )({ desc: 'The store, where it is not Amazon S3.', otherwise: "Amazon's of the region" }),
  CFMR_S3_REGION: region({ desc: "The bucket's region.", default: 'us-east-1' }),
  CFMR_S3_ACCESSKEYID: text({
    desc: 'The access key; without one the usual chain is asked: AWS_ACCESS_KEY_ID, shared files, web identity, container, machine.',
    otherwise: 'the usual chain',
  }),
  CFMR_S3_SECRETACCESSKEY: secret({ desc: 'The secret of that key.', isSecret: true }),
  CFMR_S3_PATHSTYLE: boolean({
    desc: "The bucket stands in the path, not in the host's name; unless set, with CFMR_S3_ENDPOINT, or a dot in the bucket's name.",
    otherwise: 'as the store needs it',
  }),
  CFMR_S3_PREFIX: prefix({ desc: 'What all keys begin with.', otherwise: 'nothing' }),
  CFMR_S3_OBJECTBYTES: integer(
    1024,
    256 * MEBIBYTE,
  )({ desc: 'An object is put when it holds so many bytes, before compression.', default: String(8 * MEBIBYTE) }),
  CFMR_S3_OBJECTAGE: duration()({ desc: '…or is this old.', default: '60s' }),
  CFMR_S3_TENANT: oneOf(...TENANT_LEVELS)({
    desc: 'Whose objects are kept apart: each has folders and recipients of its own.',
    default: 'org',
  }),
  CFMR_S3_RECIPIENTS: recipients({
    desc: 'Whom objects are encrypted to: a JSON object, ORG, ORG/SPACE or ORG/SPACE/APP (by name, or by GUID, which wins) to a list of recipients of age; * is for all others. A file is read again when it changes. A tenant without recipients is held.',
    otherwise: 'not encrypted, unless there are auditors',
  }),
  CFMR_S3_AUDITORS: auditors({ desc: 'Recipients of everything, with commas between.', otherwise: 'none' }),
  CFMR_S3_TIMEOUT: duration()({ desc: 'Time for one request.', default: '1m' }),
  CFMR_S3_STARTTIMEOUT: duration('0s')({ desc: 'How long the start waits for it.', default: '30s' }),
  CFMR_S3_TLSCA: certificates({ desc: "Its certificate authority; without it, Node's own list." }),
  CFMR_S3_TLSCERT: certificates({ desc: 'Client certificate.' }),
  CFMR_S3_TLSKEY: privateKey({ desc: 'Its private key, without a passphrase.', isSecret: true }),
  CFMR_S3_SKIPSSLVALIDATION: boolean({ desc: 'Accept any certificate from it.', default: 'false' }),
}

export type S3Settings = ReturnType<typeof settingsOf>

/** How buckets are reached, whichever. Undefined means not set. */
export function accessOf(v: Partial<ValuesOf<typeof variables>>, trusted: Common['trusted']): Omit<BucketOptions, 'bucket'> {
  return {
    endpoint: v.CFMR_S3_ENDPOINT,
    region: v.CFMR_S3_REGION ?? 'us-east-1',
    accessKeyId: v.CFMR_S3_ACCESSKEYID,
    secretAccessKey: v.CFMR_S3_SECRETACCESSKEY,
    pathStyle: v.CFMR_S3_PATHSTYLE,
    timeoutMs: v.CFMR_S3_TIMEOUT ?? 60_000,
    ca: v.CFMR_S3_TLSCA ?? trusted,
    cert: v.CFMR_S3_TLSCERT,
    key: v.CFMR_S3_TLSKEY,
    skipSslValidation: v.CFMR_S3_SKIPSSLVALIDATION ?? false,
  }
}

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { trusted, batcher, documentMaxBytes }: Common) {
  return {
    ...accessOf(v, trusted),
    bucket: v.CFMR_S3_BUCKET ?? '',
    prefix: v.CFMR_S3_PREFIX === undefined ? '' : `${v.CFMR_S3_PREFIX}/`,
    objectBytes: v.CFMR_S3_OBJECTBYTES,
    objectAgeMs: v.CFMR_S3_OBJECTAGE,
    tenant: v.CFMR_S3_TENANT,
    recipients: v.CFMR_S3_RECIPIENTS,
    auditors: v.CFMR_S3_AUDITORS ?? [],
    startTimeoutMs: v.CFMR_S3_STARTTIMEOUT,
    flushRetries: batcher.flushRetries,
    documentMaxBytes,
  }
}
