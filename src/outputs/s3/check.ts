import { counted, type Finding, type Findings, findingsOf } from '../../check/finding.ts'
import { failureOf, noAnswer, type S3Failure } from './answer.ts'
import { Bucket } from './bucket.ts'
import { Recipients } from './recipients-file.ts'
import type { S3Settings } from './variables.ts'

const { ok, warning, failed } = findingsOf('s3')

/** Whether the bucket answers to this account, and whom objects are encrypted to. Nothing is put: whether that is allowed shows with the first object. */
export async function* checkS3(settings: S3Settings, signal: AbortSignal): Findings {
  const bucket = new Bucket(settings, 1)
  try {
    const answer = await bucket.list(settings.prefix, 1, undefined, signal)
    if (answer.status === 200) yield ok('bucket', `${bucket.name} answers. Whether objects may be put is seen with the first one`)
    else yield refused(bucket.name, failureOf(answer))
  } catch (error) {
    yield refused(bucket.name, noAnswer(error))
  } finally {
    await bucket.close()
  }
  yield await encryption(settings)
}

function refused(name: string, failure: S3Failure): Finding {
  if (failure.code === 'AccessDenied') {
    return warning(
      'bucket',
      `${name} may not be listed by this account; it need not be, if it may put objects, which is seen with the first one`,
    )
  }
  return failed('bucket', `${name}: ${failure.reason}. Look at ${failure.variable ?? 'CFMR_S3_ENDPOINT and CFMR_S3_BUCKET'}`)
}

async function encryption({ recipients: source, auditors }: S3Settings): Promise<Finding> {
  const readers = counted(auditors.length, 'auditor')
  if (source === undefined) {
    return auditors.length > 0
      ? ok('encryption', `objects are encrypted to ${readers}, whosever they are`, { auditors: auditors.length })
      : warning('encryption', 'objects are not encrypted: neither CFMR_S3_RECIPIENTS nor CFMR_S3_AUDITORS is set')
  }
  const problems: string[] = []
  const table = await new Recipients(source, (_, problem) => problems.push(problem)).current()
  const [problem] = problems
  if (problem !== undefined) return failed('encryption', `the file of CFMR_S3_RECIPIENTS cannot be used: ${problem}`)
  const others = table.hasDefault ? 'and "*" for all others' : 'and none for others, whose events are held'
  return ok('encryption', `recipients for ${counted(table.tenants, 'tenant')}, ${others}; ${readers}`, {
    tenants: table.tenants,
    hasDefault: table.hasDefault,
    auditors: auditors.length,
  })
}
