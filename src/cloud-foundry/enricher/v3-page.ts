import { valueAt } from '../../lib/value-at.ts'
import type { AppMetadata } from '../metadata.ts'

/** A page of `GET /v3/apps?include=space.organization`. Source: the Cloud Controller API's documentation, v3. */
export interface V3Page {
  readonly apps: readonly AppMetadata[]
  /** Guids of apps that came without their space or organization. */
  readonly incomplete: readonly string[]
  readonly totalResults: number
  /** The query of the next page, with its `?`; undefined on the last one. */
  readonly next: string | undefined
}

interface Named {
  readonly guid: string
  readonly name: string
}

/** Undefined where the answer is not such a page. */
export function readV3Page(body: unknown): V3Page | undefined {
  const total = valueAt(body, 'pagination', 'total_results')
  const resources = valueAt(body, 'resources')
  const next = valueAt(body, 'pagination', 'next', 'href')
  if (!isCount(total) || !Array.isArray(resources)) return undefined
  if (next !== undefined && !(typeof next === 'string' && URL.canParse(next, 'http://api'))) return undefined

  const orgs = new Map(named(valueAt(body, 'included', 'organizations')).map(([org]) => [org.guid, org]))
  const spaces = new Map(
    named(valueAt(body, 'included', 'spaces')).map(([space, resource]) => [space.guid, { space, org: orgOf(resource) }]),
  )
  const apps: AppMetadata[] = []
  const incomplete: string[] = []
  for (const resource of resources) {
    const [app] = named([resource])[0] ?? []
    if (app === undefined) return undefined
    const { space, org } = spaces.get(String(valueAt(resource, 'relationships', 'space', 'data', 'guid'))) ?? {}
    const organization = orgs.get(org ?? '')
    if (space === undefined || organization === undefined) incomplete.push(app.guid)
    else {
      apps.push({
        app: app.name,
        app_guid: app.guid,
        space: space.name,
        space_guid: space.guid,
        org: organization.name,
        org_guid: organization.guid,
      })
    }
  }
  return { apps, incomplete, totalResults: total, next: next === undefined ? undefined : new URL(next, 'http://api').search }
}

function orgOf(space: unknown): string {
  return String(valueAt(space, 'relationships', 'organization', 'data', 'guid'))
}

/** Those of a list that have a guid and a name, each with all that came of it. */
function named(list: unknown): [Named, unknown][] {
  if (!Array.isArray(list)) return []
  return list.flatMap((resource): [Named, unknown][] => {
    const guid = valueAt(resource, 'guid')
    const name = valueAt(resource, 'name')
    return typeof guid === 'string' && guid !== '' && typeof name === 'string' ? [[{ guid, name }, resource]] : []
  })
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
