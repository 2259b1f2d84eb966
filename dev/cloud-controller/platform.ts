import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'

/** What is on the platform, and how much of it the account sees. */
export class Platform {
  readonly #apps: Map<string, AppMetadata>
  #listed: readonly AppMetadata[] | undefined
  /** How many of the apps the account sees; undefined is all. 0 is an account that lost its role. */
  visibleApps: number | undefined
  /** Whether an app is deleted whenever a page of the list was given out, so that the pages behind it shift. */
  isShifting = false
  /** Leaves these spaces or organizations, by their guids, out of answers that should hold them. */
  hidden: readonly string[] = []
  /** How many apps more than there are an answer promises. */
  promisedTooMany = 0
  /** False: answers of v2 hold the space's guid, not the space. */
  isInlining = true
  isV2Enabled = true
  /** Where the API says that the firehose is. */
  logStream: string | undefined

  constructor(apps: readonly AppMetadata[]) {
    this.#apps = new Map(apps.map((app) => [app.app_guid, app]))
  }

  get visible(): readonly AppMetadata[] {
    this.#listed ??= [...this.#apps.values()]
    return this.visibleApps === undefined ? this.#listed : this.#listed.slice(0, this.visibleApps)
  }

  isVisible(guid: string): boolean {
    return this.visibleApps === undefined ? this.#apps.has(guid) : this.visible.some((app) => app.app_guid === guid)
  }

  app(guid: string): AppMetadata | undefined {
    return this.#apps.get(guid)
  }

  /** The first app of a space or organization, which tells its name. */
  appIn(key: 'space_guid' | 'org_guid', guid: string): AppMetadata | undefined {
    return this.visible.find((app) => app[key] === guid)
  }

  /** Adds it, or replaces the one of its guid. */
  put(app: AppMetadata): void {
    this.#apps.set(app.app_guid, app)
    this.#listed = undefined
  }

  delete(guid: string): void {
    this.#apps.delete(guid)
    this.#listed = undefined
  }

  /** To be called when a page was given out. */
  shift(): void {
    const [first] = this.visible
    if (this.isShifting && first !== undefined) this.delete(first.app_guid)
  }
}
