import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateX25519Identity } from 'age-encryption'
import type { AgeKey } from '../../dev/age.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { readRecipients } from '../../src/outputs/s3/recipients-file.ts'
import { S3, type S3Options } from '../../src/outputs/s3/s3.ts'
import { recordsOf } from '../fakes/lines.ts'
import { type Ended, run } from './program.ts'
import { quietLog } from './quiet-log.ts'

interface Where {
  readonly url: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

type Options = Partial<Omit<S3Options, 'recipients'>> & { readonly recipients?: string }

/** What the output is built of, quick to try again, with a log that a test can read. `recipients` is as the variable has it. */
export function s3Settings(where: Where, bucket: string, { recipients, ...options }: Options = {}) {
  const { log, lines } = quietLog()
  const settings: S3Options = {
    bucket,
    endpoint: where.url,
    region: 'us-east-1',
    accessKeyId: where.accessKeyId,
    secretAccessKey: where.secretAccessKey,
    pathStyle: undefined,
    prefix: '',
    objectBytes: 8 * 2 ** 20,
    objectAgeMs: 60_000,
    tenant: 'org',
    recipients: recipients === undefined ? undefined : readRecipients(recipients),
    auditors: [],
    timeoutMs: 20_000,
    startTimeoutMs: 500,
    ca: undefined,
    cert: undefined,
    key: undefined,
    skipSslValidation: false,
    flushRetries: 3,
    documentMaxBytes: 262_144,
    backoff: { initialMs: 20, maxMs: 100, jitter: 0 },
    log,
    ...options,
  }
  return { settings, lines }
}

export function s3Output(where: Where, bucket: string, options: Options = {}) {
  const { settings, lines } = s3Settings(where, bucket, options)
  return { output: new S3(settings), lines }
}

/** The place of an organization, as its encoder says it. */
export const orgPlace = (name: string, id: string = randomUUID()) => JSON.stringify([{ level: 'org', name, id }])

/** Documents of an organization. */
export function documentsOf(place: string | undefined, ...ids: readonly string[]) {
  return recordsOf(
    ids.map((id) => `${JSON.stringify({ '@timestamp': '2026-03-04T05:06:07.000000008Z', message: `of ${id}`, event: { id } })}\n`),
    place,
  )
}

/** The variables by which a bucket is reached. */
const accessEnv = ({ url, accessKeyId, secretAccessKey }: Where) => ({
  CFMR_S3_ENDPOINT: url,
  CFMR_S3_ACCESSKEYID: accessKeyId,
  CFMR_S3_SECRETACCESSKEY: secretAccessKey,
})

/** Of a worker that writes there alone. */
export const s3Env = (where: Where, bucket: string, more: Readonly<Record<string, string | number>>) => ({
  ...{ CFMR_OUTPUT: 's3', CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '', CFMR_S3_BUCKET: bucket },
  ...accessEnv(where),
  ...more,
})

interface ReadDocument {
  readonly event: { readonly id: string; readonly dataset: string }
  readonly cloudfoundry: { readonly org: { readonly name: string } }
}

export type ReadObjects = Pick<Ended, 'code' | 'stderr'> & { readonly documents: readonly ReadDocument[] }

/** What the command `decrypt` prints of all objects of a bucket. Without keys one is made that opens nothing. */
export async function readObjects(where: Where, bucket: string, ...keys: readonly Pick<AgeKey, 'file'>[]): Promise<ReadObjects> {
  const identities = (keys.length > 0 ? keys : [await strangersKey()]).flatMap(({ file }) => ['--identity', file])
  const { code, stdout, stderr } = await run({ args: ['decrypt', ...identities, `s3://${bucket}/`], env: accessEnv(where) })
  return {
    code,
    stderr,
    documents: stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ReadDocument),
  }
}

/** As measurements. Throws where an event comes twice. */
export function kindsOf({ documents }: ReadObjects) {
  const ids = new Set(documents.map(({ event }) => event.id))
  if (ids.size !== documents.length) throw new Error(`${documents.length - ids.size} events were printed twice`)
  const of = (kind: string) => documents.filter(({ event }) => event.dataset === `cloudfoundry.${kind}`).length
  return { http_request: of('http'), log: of('log'), instance: of('container') }
}

async function strangersKey(): Promise<Pick<AgeKey, 'file'>> {
  const file = join(scratchFolder('key'), 'key')
  writeFileSync(file, await generateX25519Identity())
  return { file }
}
