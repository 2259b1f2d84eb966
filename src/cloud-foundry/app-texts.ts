import { type Backslash, cleanTagValue, escapeTagValue } from '../lib/tag-value.ts'
import type { AppMetadata } from './metadata.ts'

/** What is written of an app in advance. */
export interface AppSpelling {
  /** How tag values are escaped. */
  readonly backslash?: Backslash
  /** Whether documents are written, too. */
  readonly documents?: boolean
}

/** What lines and documents have of an app. */
export interface Texts {
  readonly name: string
  readonly place: string
  readonly isSanitized: boolean
  readonly documentName: string
  readonly documentPlace: string
}

/** `more` are tags beside those of the app. */
export function textsOf(
  guid: string,
  metadata: AppMetadata | undefined,
  { backslash = 'literal', documents = false }: AppSpelling = {},
  more: Readonly<Record<string, string>> = {},
): Texts {
  let isSanitized = false
  const tag = (key: string, value = '') => {
    const clean = cleanTagValue(value)
    if (clean !== value) isSanitized = true
    return clean === '' ? '' : `,${key}=${escapeTagValue(clean, backslash)}`
  }
  const others = Object.entries(more).map(([key, value]) => tag(key, value))
  const name = tag('app', metadata?.app) + tag('app_guid', metadata?.app_guid ?? guid) + others.join('')
  const org = tag('org', metadata?.org) + tag('org_guid', metadata?.org_guid)
  const space = tag('space', metadata?.space) + tag('space_guid', metadata?.space_guid)
  if (!documents) return { name, place: org + space, isSanitized, documentName: '', documentPlace: '' }
  const documentName = `{"app":{${members(metadata?.app_guid ?? guid, metadata?.app)}`
  const documentPlace = object('space', metadata?.space_guid, metadata?.space) + object('org', metadata?.org_guid, metadata?.org)
  return { name, place: org + space, isSanitized, documentName, documentPlace }
}

/** Empty ones are left out. */
function object(key: string, id: string | undefined, name: string | undefined): string {
  const inside = members(id, name)
  return inside === '' ? '' : `,"${key}":{${inside}}`
}

function members(id: string | undefined, name: string | undefined): string {
  return [jsonMember('id', id), jsonMember('name', name)].filter((member) => member !== '').join(',')
}

function jsonMember(key: string, value = ''): string {
  return value === '' ? '' : `"${key}":${JSON.stringify(value.toWellFormed())}`
}
