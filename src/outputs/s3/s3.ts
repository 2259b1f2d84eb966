import { randomBytes } from 'node:crypto'
import type { Output, Records, UnstoredRecord } from '../../flow/contracts.ts'
import { type RetryingOptions, RetryingOutput } from '../retrying-output.ts'
import { failureOf, noAnswer, putFailure, type S3Failure } from './answer.ts'
import { Bucket } from './bucket.ts'
import { Recipients } from './recipients-file.ts'
import { seal } from './sealed-object.ts'
import { type Tenant, tenantOf } from './tenant.ts'
import type { S3Settings } from './variables.ts'

/** Objects being put at once. */
export const MAX_WRITES = 4
/** So many tenants without recipients have a line of their own in the log, at a time. */
const MOST_NAMED = 100
const SEQUENCE_DIGITS = 8

export type S3Options = S3Settings & Pick<RetryingOptions, 'backoff' | 'log'>

/** What is not to be encrypted has no recipients; what has none and is to be encrypted may not be written. */
type Readers = { readonly recipients: readonly string[] } | { readonly held: string }

/**
 * Documents as objects, each of one tenant: compressed, and encrypted to its recipients and the auditors. The names of objects are of
 * this process alone, so no other one, however late it comes, replaces what it has put; a PUT that is tried again replaces itself.
 */
export class S3 extends RetryingOutput implements Output {
  readonly #options: S3Options
  readonly #bucket: Bucket
  readonly #recipients: Recipients | undefined
  readonly #writer = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(6).toString('hex')}`
  readonly #tenants = new Map<string, Tenant>()
  readonly #named = new Set<string>()
  #sequence = 0

  constructor(options: S3Options) {
    const bucket = new Bucket(options, MAX_WRITES + 1)
    super(options, {
      name: `S3 at ${bucket.name}`,
      addressVariable: 'CFMR_S3_ENDPOINT and CFMR_S3_BUCKET',
      startTimeoutVariable: 'CFMR_S3_STARTTIMEOUT',
    })
    this.#options = options
    this.#bucket = bucket
    this.#recipients = options.recipients && new Recipients(options.recipients, (path, problem) => this.#reportBroken(path, problem))
  }

  async write(records: Records, signal: AbortSignal): Promise<readonly UnstoredRecord[]> {
    this.inFlight++
    try {
      const tenant = this.#tenant(records.place ?? '[]')
      const readers = await this.#readersOf(tenant)
      if ('held' in readers) return Array.from({ length: records.count }, (_, record) => ({ record, reason: readers.held, isHeld: true }))
      const body = await seal(records.bytes, readers.recipients)
      await this.#put(this.#keyOf(tenant, records, readers.recipients.length > 0), body, records, signal)
      this.batches++
      return []
    } finally {
      this.inFlight--
    }
  }

  async close(): Promise<void> {
    this.limitedLog.flush()
    await this.#bucket.close()
  }

  /** An account that may only put objects may not list them: it has been answered, and the first PUT will tell. */
  protected async ping(signal: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await this.#bucket.list(this.#options.prefix, 1, undefined, signal)
      if (answer.status === 200) return undefined
      const failure = failureOf(answer)
      this.#renew(failure)
      return failure.code === 'AccessDenied' ? undefined : failure.reason
    } catch (error) {
      signal.throwIfAborted()
      return noAnswer(error).reason
    }
  }

  async #put(key: string, body: Uint8Array, { count, bytes }: Records, signal: AbortSignal): Promise<void> {
    for (let tries = 0; ; tries++) {
      const startMs = performance.now()
      const failure = await this.waitFor(() => this.#bucket.put(key, body, signal)).then(putFailure, noAnswer)
      signal.throwIfAborted()
      if (failure === undefined) {
        this.works()
        this.countStored(count, bytes.length, (performance.now() - startMs) / 1000)
        return
      }
      this.#renew(failure)
      await this.waitToRetry(tries, failure, signal)
    }
  }

  #renew({ isWornOut }: S3Failure): void {
    if (isWornOut) this.#bucket.credentials.forget()
  }

  #tenant(place: string): Tenant {
    let tenant = this.#tenants.get(place)
    if (tenant === undefined) {
      tenant = tenantOf(place)
      this.#tenants.set(place, tenant)
    }
    return tenant
  }

  async #readersOf(tenant: Tenant): Promise<Readers> {
    const { auditors } = this.#options
    const table = await this.#recipients?.current()
    if (table === undefined) return { recipients: auditors }
    const recipients = table.of(tenant)
    if (recipients.length > 0) {
      this.#named.delete(tenant.path)
      return { recipients: [...recipients, ...auditors] }
    }
    return { held: this.#hold(tenant) }
  }

  #hold({ path }: Tenant): string {
    const reason = path === '' ? 'CFMR_S3_RECIPIENTS has no "*"' : `${path} has no recipient in CFMR_S3_RECIPIENTS`
    this.lastError = reason
    if (this.#named.size < MOST_NAMED) this.#named.add(path)
    this.limitedLog.error(
      this.#named.has(path) ? `held ${path}` : 'held others',
      { tenant: path, error: 'no recipient' },
      `${this.destination} gets no objects of a tenant that they cannot be encrypted to; nothing is lost: its events are held, all others go on. Add the tenant, or "*", to CFMR_S3_RECIPIENTS`,
    )
    return reason
  }

  #reportBroken(path: string, problem: string): void {
    this.lastError = `${path}: ${problem}`
    this.limitedLog.error(
      'recipients',
      { path, error: problem },
      'the file of CFMR_S3_RECIPIENTS cannot be used as it is now; what it said before holds. Correct it: it is read again by itself',
    )
  }

  /** By the hour of the first event. */
  #keyOf({ folder }: Tenant, { bytes }: Records, isEncrypted: boolean): string {
    const time = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', TIME_AT, TIME_AT + HOUR_LENGTH)
    const [day, hour] = time.split('T')
    const name = `${this.#writer}-${String(++this.#sequence).padStart(SEQUENCE_DIGITS, '0')}`
    return `${this.#options.prefix}${folder}dt=${day}/hour=${hour}/${name}.ndjson.gz${isEncrypted ? '.age' : ''}`
  }
}

/** A document begins with its time. */
const TIME_AT = '{"@timestamp":"'.length
const HOUR_LENGTH = '2026-11-25T13'.length
