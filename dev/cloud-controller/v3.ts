import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import type { Platform } from './platform.ts'
import type { Answer } from './uaa.ts'

const DEFAULT_PER_PAGE = 50
const MAX_PER_PAGE = 5000

/** `GET /`: where everything else is. */
export function rootOf(url: string, { isV2Enabled, logStream }: Platform): unknown {
  return {
    links: {
      self: { href: url },
      cloud_controller_v2: isV2Enabled ? { href: `${url}/v2`, meta: { version: '2.245.0' } } : null,
      cloud_controller_v3: { href: `${url}/v3`, meta: { version: '3.180.0' } },
      login: { href: url },
      uaa: { href: url },
      ...(logStream !== undefined && { log_stream: { href: logStream } }),
    },
  }
}

export function v3Error(status: number, code: number, title: string, detail: string): Answer {
  return { status, body: { errors: [{ code, title, detail }] } }
}

/** `GET /v3/apps` with `page`, `per_page`, `guids` and `include`. */
export function v3Apps(platform: Platform, url: string, query: URLSearchParams): Answer {
  const perPage = Number(query.get('per_page') ?? DEFAULT_PER_PAGE)
  const page = Number(query.get('page') ?? 1)
  if (!(perPage >= 1 && perPage <= MAX_PER_PAGE)) {
    return v3Error(400, 10005, 'CF-BadQueryParameter', `The query parameter is invalid: Per page must be between 1 and ${MAX_PER_PAGE}`)
  }
  const apps = matching(platform, query.get('guids'))
  const total = apps.length + platform.promisedTooMany
  const pages = Math.max(1, Math.ceil(apps.length / perPage))
  const shown = apps.slice((page - 1) * perPage, page * perPage)
  const link = (number: number) => ({ href: `${url}/v3/apps?${new URLSearchParams([...others(query), ['page', String(number)]])}` })
  const pagination = {
    total_results: total,
    total_pages: pages,
    first: link(1),
    last: link(pages),
    next: page < pages ? link(page + 1) : null,
    previous: page > 1 ? link(page - 1) : null,
  }
  const included = query.get('include')?.includes('space.organization') ? { included: includedIn(shown, platform.hidden) } : {}
  return { status: 200, body: { pagination, resources: shown.map(resourceOf), ...included } }
}

function matching(platform: Platform, guids: string | null): readonly AppMetadata[] {
  if (guids === null) return platform.visible
  return [...new Set(guids.split(','))].flatMap((guid) => (platform.isVisible(guid) ? (platform.app(guid) ?? []) : []))
}

function others(query: URLSearchParams): [string, string][] {
  return [...query].filter(([key]) => key !== 'page')
}

function resourceOf({ app, app_guid, space_guid }: AppMetadata): unknown {
  return {
    guid: app_guid,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    name: app,
    state: 'STARTED',
    lifecycle: { type: 'buildpack', data: { buildpacks: [], stack: 'cflinuxfs4' } },
    relationships: { space: { data: { guid: space_guid } } },
    metadata: { labels: {}, annotations: {} },
  }
}

function includedIn(apps: readonly AppMetadata[], hidden: readonly string[]): unknown {
  const spaces = new Map<string, unknown>()
  const organizations = new Map<string, unknown>()
  for (const { space, space_guid, org, org_guid } of apps) {
    const relationships = { organization: { data: { guid: org_guid } } }
    if (!hidden.includes(space_guid)) spaces.set(space_guid, { guid: space_guid, name: space, relationships })
    if (!hidden.includes(org_guid)) organizations.set(org_guid, { guid: org_guid, name: org, suspended: false })
  }
  return { spaces: [...spaces.values()], organizations: [...organizations.values()] }
}
