import type { App } from '../../src/cloud-foundry/app.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'

/** The guid of app number `number`. */
export function guidOf(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
}

/** Apps numbered from `from`, ten to a space, three spaces to an organization. */
export function makeApps(count: number, from = 0): AppMetadata[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index
    const space = Math.floor(number / 10)
    const org = Math.floor(space / 3)
    return {
      app: `app-${number}`,
      app_guid: guidOf(number),
      space: `space-${space}`,
      space_guid: `space-guid-${space}`,
      org: `org-${org}`,
      org_guid: `org-guid-${org}`,
    }
  })
}

/** What an app was made of, read from its tags; undefined where it does not exist. Only of values that need no escaping. */
export function metadataOf(app: App): AppMetadata | undefined {
  if (!app.exists) return undefined
  return Object.fromEntries(Array.from(app.tags.matchAll(/,(\w+)=([^,]*)/g), ([, key, value]) => [key, value])) as unknown as AppMetadata
}
