import { retryAfterMs } from '../../lib/backoff.ts'
import { errorText } from '../../lib/error-text.ts'
import { toError } from '../../lib/errors.ts'
import type { Failure } from '../retrying-output.ts'
import type { BucketAnswer } from './bucket.ts'

const KEYS = 'CFMR_S3_ACCESSKEYID and CFMR_S3_SECRETACCESSKEY'
const PLACE = 'CFMR_S3_REGION and CFMR_S3_ENDPOINT'

/** What to look at, by the code in the answer. */
const VARIABLES: Readonly<Record<string, string>> = {
  SignatureDoesNotMatch: KEYS,
  InvalidAccessKeyId: KEYS,
  InvalidToken: KEYS,
  ExpiredToken: KEYS,
  AccessDenied: `${KEYS}, and the account's right to s3:PutObject on CFMR_S3_BUCKET`,
  NoSuchBucket: 'CFMR_S3_BUCKET',
  InvalidBucketName: 'CFMR_S3_BUCKET',
  PermanentRedirect: PLACE,
  AuthorizationHeaderMalformed: PLACE,
  RequestTimeTooSkewed: 'the clock of this machine',
  EntityTooLarge: 'CFMR_S3_OBJECTBYTES',
  KeyTooLongError: 'CFMR_S3_PREFIX',
}

/** What passes by itself, whatever its status. */
const PASSING = new Set(['SlowDown', 'RequestTimeout', 'InternalError', 'ServiceUnavailable', 'OperationAborted', 'BadDigest'])
/** Credentials that are of no use any more: the next try asks for others. */
const WORN_OUT = new Set(['ExpiredToken', 'InvalidToken', 'InvalidAccessKeyId'])

export interface S3Failure extends Failure {
  /** S3's code: `SlowDown`. Empty where it says none. */
  readonly code: string
  readonly isWornOut: boolean
}

/** Whether a PUT is stored: undefined where it is. 200 alone does not say so: its body may hold an error. */
export function putFailure(answer: BucketAnswer): S3Failure | undefined {
  return answer.status === 200 && answer.bytes.length === 0 ? undefined : failureOf(answer)
}

/** Why an answer is not what was asked for. */
export function failureOf({ status, retryAfter, bytes }: BucketAnswer): S3Failure {
  const { code, message } = errorIn(bytes.toString())
  const reason =
    code === '' ? `HTTP ${status}, which is not an answer of S3` : `HTTP ${status}: ${code}${message === '' ? '' : `: ${message}`}`
  const mayPass = PASSING.has(code) || status === 429 || status >= 500
  const variable = mayPass ? undefined : (VARIABLES[code] ?? ofStatus(status))
  return {
    reason,
    code,
    isWornOut: WORN_OUT.has(code),
    error: new Error(reason),
    retryAfterMs: retryAfterMs(retryAfter, Date.now()),
    ...(variable !== undefined && { variable }),
  }
}

/** Where there was none. */
export function noAnswer(thrown: unknown): S3Failure {
  const [reason, error] = [errorText(thrown), toError(thrown)]
  const variable =
    error.name === 'CredentialsProviderError'
      ? `${KEYS}, or at the chain of credentials (AWS_ACCESS_KEY_ID, shared files, container, machine)`
      : /certificate|altnames/i.test(reason)
        ? 'CFMR_S3_TLSCA, or at CFMR_S3_SKIPSSLVALIDATION'
        : undefined
  return { reason, error, code: '', isWornOut: false, ...(variable !== undefined && { variable }) }
}

/** An answer may be cut, and quotes what was sent: nothing of it is kept but these two. */
function errorIn(text: string): { readonly code: string; readonly message: string } {
  if (!text.includes('<Error')) return { code: '', message: '' }
  const of = (name: string) => new RegExp(`<${name}>([^<]{0,300})`).exec(text)?.[1]?.replace(/\s+/g, ' ').trim() ?? ''
  const code = of('Code')
  return { code: /^\w{1,80}$/.test(code) ? code : 'Error', message: of('Message') }
}

function ofStatus(status: number): string {
  if (status === 403 || status === 401) return VARIABLES['AccessDenied'] as string
  if (status === 404) return 'CFMR_S3_BUCKET and CFMR_S3_ENDPOINT'
  return status >= 300 && status < 400 ? PLACE : 'CFMR_S3_ENDPOINT'
}
