import { LRUCache } from 'lru-cache'
import { steadyNowMs } from '../../lib/steady-clock.ts'
import { App } from '../app.ts'
import { type AppEvent, guidOf } from '../app-event.ts'
import type { AppSpelling } from '../app-texts.ts'
import type { AppMetadata } from '../metadata.ts'
import { AppIndex } from './app-index.ts'

export interface MetadataCacheOptions {
  /** Entries. */
  readonly cacheSize: number
  readonly negativeCacheSize: number
  /** How long a confirmed absence is believed. */
  readonly negativeExpireMs: number
  /** What is written of an app in advance, asked for each that is taken in. */
  readonly spelling?: () => AppSpelling
}

/** So many may have been dropped, and as many as there are, before those that stayed are moved together. */
const LOOSE_APPS = 1000

/**
 * The apps that exist and those that do not, behind the index that finds them by an event's bytes.
 */
export class MetadataCache {
  readonly #known: LRUCache<string, App>
  /** Stale entries stay until `expireAbsent` takes them, for nothing may expire while Cloud Controller fails. */
  readonly #absent: LRUCache<string, App>
  readonly #index = new AppIndex((guid) => this.#cached(guid))
  /** Apps dropped or replaced since all were moved: each may still take up memory, beside one that stayed. */
  #dropped = 0

  readonly #spelling: () => AppSpelling

  constructor({ cacheSize, negativeCacheSize, negativeExpireMs, spelling = () => ({}) }: MetadataCacheOptions) {
    this.#spelling = spelling
    const dispose = (app: App) => {
      this.#index.remove(app)
      this.#dropped++
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
      perf: { now: () => steadyNowMs() },
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
    this.#index.prefetch(events, count)
  }

  find(event: AppEvent): App | undefined {
    return this.#index.find(event) ?? this.#nobody(guidOf(event))
  }

  get(guid: string): App | undefined {
    return this.#cached(guid) ?? this.#nobody(guid)
  }

  /** Takes in an app, new or changed. Where the cache is full, the longest unused goes. */
  add(metadata: AppMetadata, nowMs: number): App {
    const guid = metadata.app_guid
    this.#absent.delete(guid)
    const known = this.#known.get(guid)
    if (known?.isStill(guid, metadata, this.#spelling())) return known
    const app = App.of(guid, metadata, known?.usedAtMs ?? nowMs, this.#spelling())
    this.#known.set(guid, app)
    // Events would bring it there, too, one slow look-up each: with 100,000 apps that was a fifth of the CPU of the first million.
    this.#index.add(app)
    this.#packIfLoose()
    return app
  }

  deny(guid: string, nowMs: number): App {
    const app = App.of(guid, undefined, nowMs, this.#spelling())
    this.#absent.set(guid, app)
    return app
  }

  /** Takes in a page of the list of all apps. None that was there goes for one that nobody may ever ask for. */
  refresh(apps: readonly AppMetadata[], nowMs: number): void {
    for (const metadata of apps) {
      if (this.#known.size < this.#known.max || this.#known.has(metadata.app_guid)) this.add(metadata, nowMs)
      else this.#absent.delete(metadata.app_guid)
    }
  }

  /** Apps that no event has named since `sinceMs`, nor Cloud Controller for the first time. */
  unusedSince(sinceMs: number): string[] {
    const unused: string[] = []
    const used: string[] = []
    for (const [guid, { usedAtMs }] of this.#known.entries()) {
      if (usedAtMs > sinceMs) used.push(guid)
      else unused.push(guid)
    }
    // The index answers for most events, so that the cache does not see them: this keeps its order of use, oldest first.
    if (this.#known.size === this.#known.max) for (const guid of used.reverse()) this.#known.get(guid)
    return unused
  }

  remove(guids: readonly string[]): void {
    for (const guid of guids) this.#known.delete(guid)
    this.#packIfLoose()
  }

  hasStaleAbsent(): boolean {
    for (const guid of this.#absent.keys()) if (this.#absent.getRemainingTTL(guid) <= 0) return true
    return false
  }

  expireAbsent(): void {
    this.#absent.purgeStale()
  }

  #packIfLoose(): void {
    if (this.#dropped > this.known + this.absent + LOOSE_APPS) this.#pack()
  }

  /** Moves all apps together: each that was dropped has left a gap. */
  #pack(): void {
    this.#index.clear()
    for (const apps of [this.#known, this.#absent]) {
      for (const app of apps.values()) {
        app.move()
        this.#index.add(app)
      }
    }
    this.#dropped = 0
  }

  #cached(guid: string): App | undefined {
    return this.#known.get(guid) ?? this.#absent.get(guid)
  }

  /** An id that is no GUID is not Cloud Controller's, and never asked for: components log under names such as `routing_api`. */
  #nobody(id: string): App | undefined {
    return isGuid(id) ? undefined : App.nobody(id, this.#spelling())
  }
}

function isGuid(id: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(id)
}
