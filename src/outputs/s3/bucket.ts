import { createHash, getFips } from 'node:crypto'
import { HttpServer } from '../../lib/http-server.ts'
import { type CredentialSource, chainedCredentials, fixedCredentials } from './credentials.ts'
import { encodePart, queryText, signed } from './sigv4.ts'

export interface BucketOptions {
  readonly bucket: string
  /** Undefined is Amazon's. */
  readonly endpoint: string | undefined
  readonly region: string
  /** Without them the usual chain is asked. */
  readonly accessKeyId: string | undefined
  readonly secretAccessKey: string | undefined
  /** Whether the bucket stands in the path, not in the host's name; undefined: where there is an endpoint, or a dot in its name. */
  readonly pathStyle: boolean | undefined
  readonly timeoutMs: number
  readonly ca: string | readonly string[] | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly skipSslValidation: boolean
}

export interface BucketAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly bytes: Buffer
}

interface Call {
  readonly method: 'GET' | 'PUT'
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Where a bucket is: its name in the host's, or in the path. */
export function addressOf({ bucket, region, pathStyle, ...options }: Pick<BucketOptions, 'bucket' | 'region' | 'endpoint' | 'pathStyle'>) {
  const endpoint = options.endpoint ?? `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
  const isInPath = pathStyle ?? (options.endpoint !== undefined || bucket.includes('.'))
  const { protocol, host, pathname } = new URL(endpoint)
  const above = pathname.replace(/\/+$/, '')
  return isInPath
    ? { endpoint, origin: `${protocol}//${host}`, basePath: `${above}/${encodePart(bucket)}` }
    : { endpoint, origin: `${protocol}//${bucket}.${host}`, basePath: above }
}

/** A bucket of S3, or of a store that speaks as S3 does. Each call resolves to the answer, whatever it says, and rejects where there is none. */
export class Bucket {
  /** Where it is, for logs. */
  readonly name: string
  readonly credentials: CredentialSource
  readonly #region: string
  readonly #server: HttpServer
  readonly #host: string
  readonly #basePath: string

  constructor(options: BucketOptions, connections: number) {
    const { bucket, region, accessKeyId, secretAccessKey } = options
    const { endpoint, origin, basePath } = addressOf(options)
    this.name = `${endpoint}, bucket ${bucket}`
    this.#region = region
    this.#host = new URL(origin).host
    this.#basePath = basePath
    this.#server = new HttpServer({ ...options, url: origin, headers: { 'user-agent': 'cf-metrics-refinery' }, connections })
    this.credentials =
      accessKeyId === undefined || secretAccessKey === undefined ? chainedCredentials() : fixedCredentials({ accessKeyId, secretAccessKey })
  }

  put(key: string, body: Uint8Array, signal: AbortSignal): Promise<BucketAnswer> {
    const headers = {
      'content-type': 'application/octet-stream',
      // Buckets that lock their objects ask for it.
      ...(getFips() === 0 && { 'content-md5': createHash('md5').update(body).digest('base64') }),
    }
    return this.#ask({ method: 'PUT', key, headers, body }, signal)
  }

  get(key: string, signal: AbortSignal): Promise<BucketAnswer> {
    return this.#ask({ method: 'GET', key }, signal)
  }

  /** A page of the keys below `prefix`, as XML. */
  list(prefix: string, most: number, token: string | undefined, signal: AbortSignal): Promise<BucketAnswer> {
    const query = {
      'list-type': '2',
      'encoding-type': 'url',
      'max-keys': String(most),
      prefix,
      ...(token !== undefined && { 'continuation-token': token }),
    }
    return this.#ask({ method: 'GET', key: '', query }, signal)
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  async #ask({ method, key, query = {}, headers = {}, body }: Call, signal: AbortSignal): Promise<BucketAnswer> {
    const path = `${this.#basePath}/${key.split('/').map(encodePart).join('/')}`
    const request = { method, host: this.#host, path, query, headers, ...(body !== undefined && { body }) }
    const all = signed(request, await this.credentials.get(), this.#region, new Date())
    const text = queryText(query)
    const call = { method, path: text === '' ? path : `${path}?${text}`, headers: all, ...(body !== undefined && { body }) }
    return this.#server.askBytes(call, signal)
  }
}
