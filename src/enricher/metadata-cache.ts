import { LRUCache } from 'lru-cache'
import { App } from '../app.ts'
import type { AppEvent } from '../app-event.ts'
import type { AppMetadata } from '../types.ts'
import { AppIndex, guidOf } from './app-index.ts'

export interface MetadataCacheOptions {
  /** Entries. */
  readonly cacheSize: number
  readonly negativeCacheSize: number
  /** How long a confirmed absence is believed. */
  readonly negativeExpireMs: number
}

/** What is known of an app that exists. Its App, with the texts of a line, is made when an event first names it. */
interface Known {
  metadata: AppMetadata
  app: App | undefined
  /** When Cloud Controller first told of it, as of `Date.now()`. */
  readonly addedAtMs: number
}

/**
 * The apps that exist and those that do not, behind the index that finds them by an event's bytes. The index may remember what
 * is no longer here, so it forgets all before it is asked again, once something went or changed.
 */
export class MetadataCache {
  readonly #known: LRUCache<string, Known>
  /** Stale entries stay until `expireAbsent` takes them, for nothing may expire while Cloud Controller fails. */
  readonly #absent: LRUCache<string, App>
  readonly #index = new AppIndex((guid) => this.#cached(guid))
  #mustForget = false

  constructor({ cacheSize, negativeCacheSize, negativeExpireMs }: MetadataCacheOptions) {
    const dispose = () => {
      this.#mustForget = true
    }
    this.#known = new LRUCache({ max: Math.max(1, cacheSize), dispose })
    this.#absent = new LRUCache({
      max: Math.max(1, negativeCacheSize),
      dispose,
      // 0 would mean for ever.
      ttl: Math.max(1, Math.round(negativeExpireMs)),
      ttlResolution: 0,
      allowStale: true,
      noDeleteOnStaleGet: true,
      perf: { now: () => Date.now() },
    })
  }

  get known(): number {
    return this.#known.size
  }

  get absent(): number {
    return this.#absent.size
  }

  /** See {@link AppIndex.prefetch}. */
  prefetch(events: readonly AppEvent[], count: number): void {
    if (this.#mustForget) this.#forget()
    this.#index.prefetch(events, count)
  }

  find(event: AppEvent): App | undefined {
    if (this.#mustForget) this.#forget()
    return this.#index.find(event) ?? nobody(guidOf(event))
  }

  get(guid: string): App | undefined {
    return this.#cached(guid) ?? nobody(guid)
  }

  /** Takes in an app that somebody waits for. Where the cache is full, the longest unused goes. */
  add(metadata: AppMetadata, nowMs: number): App {
    const known = this.#add(metadata, nowMs)
    known.app ??= new App(metadata.app_guid, metadata, nowMs)
    return known.app
  }

  deny(guid: string, nowMs: number): App {
    const app = new App(guid, undefined, nowMs)
    this.#absent.set(guid, app)
    return app
  }

  /** Takes in a page of the list of all apps. None that was there goes for one that nobody may ever ask for. */
  refresh(apps: readonly AppMetadata[], nowMs: number): void {
    for (const metadata of apps) {
      if (this.#known.size < this.#known.max || this.#known.has(metadata.app_guid)) this.#add(metadata, nowMs)
      else this.#absent.delete(metadata.app_guid)
    }
  }

  /** Apps that no event has named since `sinceMs`. */
  unusedSince(sinceMs: number): string[] {
    const unused: string[] = []
    const used: string[] = []
    for (const [guid, { app, addedAtMs }] of this.#known.entries()) {
      if (Math.max(addedAtMs, app?.usedAtMs ?? 0) > sinceMs) used.push(guid)
      else unused.push(guid)
    }
    // The index answers for most events, so that the cache does not see them: this keeps its order of use, oldest first.
    if (this.#known.size === this.#known.max) for (const guid of used.reverse()) this.#known.get(guid)
    return unused
  }

  remove(guids: readonly string[]): void {
    for (const guid of guids) this.#known.delete(guid)
  }

  hasStaleAbsent(): boolean {
    for (const guid of this.#absent.keys()) if (this.#absent.getRemainingTTL(guid) <= 0) return true
    return false
  }

  expireAbsent(): void {
    this.#absent.purgeStale()
  }

  #add(metadata: AppMetadata, nowMs: number): Known {
    const guid = metadata.app_guid
    this.#absent.delete(guid)
    const known = this.#known.get(guid)
    if (known === undefined) {
      const added = { metadata, app: undefined, addedAtMs: nowMs }
      this.#known.set(guid, added)
      return added
    }
    if (isSame(known.metadata, metadata)) return known
    known.metadata = metadata
    if (known.app !== undefined) known.app = new App(guid, metadata, known.app.usedAtMs)
    this.#mustForget = true
    return known
  }

  #cached(guid: string): App | undefined {
    const known = this.#known.get(guid)
    if (known === undefined) return this.#absent.get(guid)
    known.app ??= new App(guid, known.metadata, Date.now())
    return known.app
  }

  #forget(): void {
    this.#index.clear()
    this.#mustForget = false
  }
}

/** An id that is no GUID is not Cloud Controller's, and never asked for: components log under names such as `routing_api`. */
function nobody(id: string): App | undefined {
  return isGuid(id) ? undefined : new App(id, undefined, Date.now())
}

function isGuid(id: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(id)
}

function isSame(a: AppMetadata, b: AppMetadata): boolean {
  return a.app === b.app && a.space === b.space && a.space_guid === b.space_guid && a.org === b.org && a.org_guid === b.org_guid
}
