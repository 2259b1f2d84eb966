import type { AppMetadata } from '../../metadata.ts'

/** In the order of {@link AppMetadata}. */
const TAGS = ['app_name', 'space_name', 'space_id', 'organization_name', 'organization_id'] as const

/** Who the tags of a V2 envelope in JSON say that app `guid` is; undefined where they do not name it, or are another's. What they leave out is empty. */
export function ownerIn(message: Uint8Array, guid: string): AppMetadata | undefined {
  const tags = tagsOf(message)
  const text = (name: string) => {
    const tag = tags[name]
    const value = typeof tag === 'object' && tag !== null ? (tag as { text?: unknown }).text : tag
    return typeof value === 'string' ? value : ''
  }
  const id = text('app_id')
  const [app, space, space_guid, org, org_guid] = TAGS.map(text) as [string, string, string, string, string]
  if (app === '' || (id !== '' && id !== guid)) return undefined
  return { app, app_guid: guid, space, space_guid, org, org_guid }
}

function tagsOf(message: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const envelope = JSON.parse(Buffer.from(message.buffer, message.byteOffset, message.length).toString()) as Record<
      string,
      unknown
    > | null
    const { tags, deprecated_tags, deprecatedTags } = envelope ?? {}
    return { ...objectOf(deprecatedTags), ...objectOf(deprecated_tags), ...objectOf(tags) }
  } catch {
    return {}
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
