import { toError } from '../../lib/errors.ts'
import { type LimitedLog, limitedLog } from '../../lib/limited-log.ts'
import { valueAt } from '../../lib/value-at.ts'
import type { AppAnswers, AppMetadata, MetadataSource, SourceTraffic } from '../metadata.ts'
import { apiUrl, type CloudControllerOptions, httpClientFor, tokenFor } from './cloud-controller-options.ts'
import type { HttpClient, HttpReply } from './http-client.ts'
import { RequestFailed } from './request-failed.ts'
import type { UaaToken } from './uaa-token.ts'
import type { V2Client } from './v2-client.ts'
import { withRetries } from './with-retries.ts'

interface Named {
  readonly guid: string
  readonly name: string
}
type Place = Pick<AppMetadata, 'space' | 'space_guid' | 'org' | 'org_guid'>
/** The places asked for in the course of one listing or look-up: many apps share one. */
type Places = Map<string, Promise<Place | undefined>>

/** Cloud Controller's v2 API, through cf-nodejs-client, for foundations older than v3. */
export class CloudControllerV2 implements MetadataSource {
  /** v2 cannot filter by guid: each is a request of its own. The HTTP client has at most ten connections. */
  readonly maxGuids = 10
  readonly #options: CloudControllerOptions
  readonly #http: HttpClient
  readonly #token: UaaToken
  readonly #log: LimitedLog

  constructor(options: CloudControllerOptions) {
    this.#options = options
    this.#log = limitedLog(options.log)
    this.#http = httpClientFor(options)
    this.#token = tokenFor(options, this.#http, '/v2/info', (info) => info['token_endpoint'] ?? info['authorization_endpoint'])
  }

  get traffic(): SourceTraffic {
    return this.#http
  }

  async fetchApps(guids: readonly string[], signal: AbortSignal): Promise<AppAnswers> {
    const found: AppMetadata[] = []
    const absent: string[] = []
    const failures: RequestFailed[] = []
    const places: Places = new Map()
    const ask = async (guid: string) => {
      try {
        const app = await this.#app(guid, places, signal)
        if (app === undefined) absent.push(guid)
        else found.push(app)
      } catch (error) {
        failures.push(error instanceof RequestFailed ? error : new RequestFailed(toError(error).message, { cause: error }))
      }
    }
    await Promise.all(guids.map(ask))
    signal.throwIfAborted()
    const [error] = failures
    if (error === undefined) return { found, absent, failure: undefined }
    return { found, absent, failure: { error, retryAfterMs: Math.max(0, ...failures.map((failure) => failure.retryAfterMs ?? 0)) } }
  }

  async *listApps(signal: AbortSignal): AsyncGenerator<readonly AppMetadata[]> {
    const { resultsPerPage, retries, log } = this.#options
    const places: Places = new Map()
    for (let page = 1; ; page++) {
      const { apps, isLast } = await withRetries({ retries, log, signal }, () => this.#page(page, resultsPerPage, places, signal))
      yield apps
      if (isLast) return
    }
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  async #page(page: number, perPage: number, places: Places, signal: AbortSignal) {
    const reply = await this.#call((client) => client.apps(page, perPage), signal)
    const body = this.#http.json(reply)
    const resources = valueAt(body, 'resources')
    if (!Array.isArray(resources)) throw this.#http.unusable(reply, 'the answer is not a list of apps')
    const apps: AppMetadata[] = []
    for (const resource of resources) {
      const app = await this.#read(resource, reply, places, signal)
      if (app !== undefined) apps.push(app)
    }
    const missing = resources.length - apps.length
    if (missing > 0 && apps.length === 0) throw this.#http.unusable(reply, 'no app came with its space and organization')
    if (missing > 0)
      this.#log.warn('incomplete', { apps: missing }, 'Metadata: apps came without space or organization; they are looked up when needed')
    return { apps, isLast: valueAt(body, 'next_url') === undefined || page >= Number(valueAt(body, 'total_pages') ?? page + 1) }
  }

  /** Undefined where Cloud Controller says that there is no such app. Every other 404 says nothing. */
  async #app(guid: string, places: Places, signal: AbortSignal): Promise<AppMetadata | undefined> {
    const reply = await this.#call((client) => client.app(guid), signal)
    if (reply.status === 404 && errorCodeOf(reply) === 'CF-AppNotFound') return undefined
    const app = await this.#read(this.#http.json(reply), reply, places, signal)
    if (app === undefined) throw this.#http.unusable(reply, 'the app came without its space or organization')
    if (app.app_guid !== guid) throw this.#http.unusable(reply, `the answer is about another app, ${app.app_guid}`)
    return app
  }

  /** Undefined where its space or organization is not to be had. */
  async #read(resource: unknown, reply: HttpReply, places: Places, signal: AbortSignal): Promise<AppMetadata | undefined> {
    const app = named(resource)
    if (app === undefined) throw this.#http.unusable(reply, 'the answer is not an app')
    const place = placeOf(valueAt(resource, 'entity', 'space')) ?? (await this.#placeNamed(resource, places, signal))
    return place && { app: app.name, app_guid: app.guid, ...place }
  }

  /** The place of an app that came without it: not every foundation inlines. */
  async #placeNamed(app: unknown, places: Places, signal: AbortSignal): Promise<Place | undefined> {
    const guid = valueAt(app, 'entity', 'space_guid')
    if (typeof guid !== 'string') return undefined
    const asked = places.get(guid) ?? this.#place(guid, signal)
    places.set(guid, asked)
    try {
      return await asked
    } catch (error) {
      places.delete(guid)
      throw error
    }
  }

  async #place(guid: string, signal: AbortSignal): Promise<Place | undefined> {
    const space = this.#existing(await this.#call((client) => client.space(guid), signal))
    const orgGuid = valueAt(space, 'entity', 'organization_guid')
    const name = valueAt(space, 'entity', 'name')
    if (typeof orgGuid !== 'string' || typeof name !== 'string') return undefined
    const org = valueAt(this.#existing(await this.#call((client) => client.organization(orgGuid), signal)), 'name')
    return typeof org === 'string' ? { space: name, space_guid: guid, org, org_guid: orgGuid } : undefined
  }

  #existing(reply: HttpReply): unknown {
    return reply.status === 404 && errorCodeOf(reply) !== undefined ? undefined : this.#http.json(reply)
  }

  async #call(use: (client: V2Client) => Promise<HttpReply>, signal: AbortSignal): Promise<HttpReply> {
    // Here, since cf-nodejs-client takes a second to load and 24 MB, which those who use v3 need not spend.
    const { V2Client } = await import('./v2-client.ts')
    const api = apiUrl(this.#options)
    const token = await this.#token.get(signal)
    const reply = await use(new V2Client(api, token, this.#http, signal))
    if (reply.status !== 401) return reply
    const other = await this.#token.replace(token, signal)
    return other === undefined ? reply : await use(new V2Client(api, other, this.#http, signal))
  }
}

function errorCodeOf({ text }: HttpReply): unknown {
  try {
    return valueAt(JSON.parse(text), 'error_code')
  } catch {
    return undefined
  }
}

function placeOf(space: unknown): Place | undefined {
  const inner = named(space)
  const org = named(valueAt(space, 'entity', 'organization'))
  if (inner === undefined || org === undefined) return undefined
  return { space: inner.name, space_guid: inner.guid, org: org.name, org_guid: org.guid }
}

function named(resource: unknown): Named | undefined {
  const guid = valueAt(resource, 'metadata', 'guid')
  const name = valueAt(resource, 'entity', 'name')
  return typeof guid === 'string' && guid !== '' && typeof name === 'string' ? { guid, name } : undefined
}
