import { crc32 } from 'node:zlib'
import type { App } from '../../cloud-foundry/app.ts'

/** How finely events are told apart: each tenant has objects of its own. */
export const TENANT_LEVELS = ['org', 'space', 'app', 'none'] as const
export type TenantLevel = (typeof TENANT_LEVELS)[number]

/** Whom an object belongs to. */
export interface Tenant {
  /** ORG, ORG/SPACE or ORG/SPACE/APP, by name: for whoever operates the program. Empty where tenants are not told apart. */
  readonly path: string
  /** `org=NAME/space=NAME/`: no two tenants have the same. */
  readonly folder: string
  /** What its recipients may stand under, the best first. */
  readonly names: readonly string[]
}

interface Part {
  readonly level: Exclude<TenantLevel, 'none'>
  readonly name: string
  readonly id: string
}

const PARTS = { none: [], org: ['org'], space: ['org', 'space'], app: ['org', 'space', 'app'] } as const
/** What is safe in a key everywhere, and cannot be taken for the key's own parts. */
const UNSAFE = /[^a-zA-Z0-9._-]/g
const LONGEST_PART = 100
/** As cleaning leaves a name: one that looks so by itself gets digits of its own, or it could be the place of another. */
const LOOKS_CLEANED = /-[0-9a-f]{8}$/
const LOOKS_LIKE_GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** An app's tenant in one text, as records carry it: equal texts are one tenant. */
export function placeOf(app: App, level: TenantLevel): string {
  const { owner } = app
  return JSON.stringify(PARTS[level].map((part) => ({ level: part, ...owner[part] })))
}

/** The other way round. */
export function tenantOf(place: string): Tenant {
  const parts = JSON.parse(place) as readonly Part[]
  return {
    path: parts.map(({ name, id }) => name || id || '(unknown)').join('/'),
    folder: parts.map((part) => `${part.level}=${cleaned(part)}/`).join(''),
    names: [...pathsOf(parts)],
  }
}

/**
 * By GUID, then by name. A name that could be read in two ways is none: with a slash in it the parts of another path, in the shape
 * of a GUID another tenant.
 */
function* pathsOf(parts: readonly Part[]): Generator<string> {
  if (parts.length === 0) return
  if (parts.every(({ id }) => id !== '')) yield parts.map(({ id }) => id).join('/')
  const isClear = ({ name }: Part) => name !== '' && !LOOKS_LIKE_GUID.test(name) && (parts.length === 1 || !name.includes('/'))
  if (parts.every(isClear)) yield parts.map(({ name }) => name).join('/')
}

function cleaned({ name, id }: Part): string {
  const clean = name.replace(UNSAFE, '_').slice(0, LONGEST_PART)
  if (clean === name && clean !== '' && !LOOKS_CLEANED.test(clean)) return clean
  const hex = id.replaceAll('-', '').toLowerCase()
  const digits = /^[0-9a-f]{8}/.test(hex) ? hex.slice(0, 8) : crc32(`${id} ${name}`).toString(16).padStart(8, '0')
  return `${clean === '' ? 'none' : clean}-${digits}`
}
