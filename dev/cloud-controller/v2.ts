import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import type { Platform } from './platform.ts'
import type { Answer } from './uaa.ts'

const DEFAULT_PER_PAGE = 50
const MAX_PER_PAGE = 100

export function v2Error(status: number, code: number, error_code: string, description: string): Answer {
  return { status, body: { code, error_code, description } }
}

export function v2Info(url: string): Answer {
  return { status: 200, body: { name: 'fake', api_version: '2.245.0', authorization_endpoint: url, token_endpoint: url } }
}

/** `GET /v2/apps` and what lies below /v2 for one app, space or organization. */
export function v2Answer(platform: Platform, path: string, query: URLSearchParams): Answer {
  const [, , collection, guid, summary] = path.split('/')
  const depth = platform.isInlining ? Number(query.get('inline-relations-depth') ?? 0) : 0
  if (collection === 'apps') return guid === undefined ? list(platform, query, depth) : oneApp(platform, guid, depth)
  const app = guid && platform.appIn(collection === 'spaces' ? 'space_guid' : 'org_guid', guid)
  if (app && !platform.hidden.includes(guid)) {
    if (collection === 'spaces') return { status: 200, body: spaceOf(app, depth) }
    if (collection === 'organizations') return { status: 200, body: summary === 'summary' ? orgSummaryOf(app) : orgOf(app) }
  }
  if (collection === 'spaces') return v2Error(404, 40004, 'CF-SpaceNotFound', `The app space could not be found: ${guid}`)
  if (collection === 'organizations') return v2Error(404, 30003, 'CF-OrganizationNotFound', `The organization could not be found: ${guid}`)
  return v2Error(404, 10000, 'CF-NotFound', 'Unknown request')
}

function list(platform: Platform, query: URLSearchParams, depth: number): Answer {
  const perPage = Number(query.get('results-per-page') ?? DEFAULT_PER_PAGE)
  const page = Number(query.get('page') ?? 1)
  if (!(perPage >= 1 && perPage <= MAX_PER_PAGE)) return v2Error(400, 10005, 'CF-BadQueryParameter', 'The query parameter is invalid')
  const apps = platform.visible
  const pages = Math.max(1, Math.ceil(apps.length / perPage))
  const at = (number: number) => `/v2/apps?page=${number}&results-per-page=${perPage}`
  return {
    status: 200,
    body: {
      total_results: apps.length + platform.promisedTooMany,
      total_pages: pages,
      prev_url: page > 1 ? at(page - 1) : null,
      next_url: page < pages ? at(page + 1) : null,
      resources: apps.slice((page - 1) * perPage, page * perPage).map((app) => appOf(app, depth, platform.hidden)),
    },
  }
}

/** Unlike v3, v2 tells an app that is not there from one that the account may not see. */
function oneApp(platform: Platform, guid: string, depth: number): Answer {
  const app = platform.app(guid)
  if (app === undefined) return v2Error(404, 100004, 'CF-AppNotFound', `The app could not be found: ${guid}`)
  if (!platform.isVisible(guid)) return v2Error(403, 10003, 'CF-NotAuthorized', 'You are not authorized to perform the requested action')
  return { status: 200, body: appOf(app, depth, platform.hidden) }
}

function appOf(app: AppMetadata, depth: number, hidden: readonly string[] = []): unknown {
  const inlined = depth > 0 && !hidden.includes(app.space_guid) ? { space: spaceOf(app, depth - 1, hidden) } : {}
  return entity('apps', app.app_guid, { name: app.app, space_guid: app.space_guid, state: 'STARTED', ...inlined })
}

function spaceOf(app: AppMetadata, depth: number, hidden: readonly string[] = []): unknown {
  const inlined = depth > 0 && !hidden.includes(app.org_guid) ? { organization: orgOf(app) } : {}
  return entity('spaces', app.space_guid, { name: app.space, organization_guid: app.org_guid, ...inlined })
}

function orgOf(app: AppMetadata): unknown {
  return entity('organizations', app.org_guid, { name: app.org, status: 'active' })
}

function orgSummaryOf(app: AppMetadata): unknown {
  return { guid: app.org_guid, name: app.org, status: 'active', spaces: [] }
}

function entity(collection: string, guid: string, fields: Readonly<Record<string, unknown>>): unknown {
  return { metadata: { guid, url: `/v2/${collection}/${guid}` }, entity: fields }
}
