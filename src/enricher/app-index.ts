import { type App, ID_LENGTH_WORD, ID_WORDS, LAST_ID_WORD, MAX_ID_BYTES } from '../app.ts'
import { type AppEvent, POINT } from '../app-event.ts'

/**
 * The application id as a string. A UUID `{low, high}` is sixteen bytes, low first, each half little-endian, written
 * 8-4-4-4-12; an id given as text is taken as it is, whatever its shape.
 */
export function guidOf({ guid, bytes, appId, appIdEnd }: AppEvent): string {
  if (guid !== '') return guid
  const id = Buffer.from(bytes.buffer, bytes.byteOffset + appId, appIdEnd - appId).toString()
  if (id.startsWith('"')) return id.slice(1, -1)
  const [low = 0n, high = 0n] = id.match(/\d+/g)?.map(BigInt) ?? []
  const uuid = Buffer.alloc(16)
  uuid.writeBigUInt64LE(low, 0)
  uuid.writeBigUInt64LE(high, 8)
  return uuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

const QUOTE = 0x22
const MIN_ID_BYTES = 8
const MIN_CAPACITY = 1024
const CACHE_LINE_WORDS = 8

/**
 * Finds the app of an event by the bytes of its id, without making a string of them: a Map by guid doubles the time of an event. A hash table with
 * open addressing, at most half full; it knows only apps that `appOf` knows, each in at most two spellings.
 */
export class AppIndex {
  readonly #appOf: (guid: string) => App | undefined
  #apps: (App | undefined)[] = []
  /** Of the id that each slot's app was found by: nearly always tells without a look at the app whether it is the one. */
  #hashes = new Int32Array(0)
  #count = 0
  /** Where `prefetch` found something: the apps that `find` will most likely return. */
  readonly #likely: App[] = []
  /** What `prefetch` read, kept so that no compiler leaves the reading out. */
  touched = 0

  /** `appOf` is asked where the index does not know an id yet; what it does not know either is not remembered. */
  constructor(appOf: (guid: string) => App | undefined) {
    this.#appOf = appOf
    this.#allocate(MIN_CAPACITY)
  }

  /** To be called whenever an app expired, was renamed or removed. */
  clear(): void {
    let capacity = MIN_CAPACITY
    while (capacity < 2 * this.#count) capacity *= 2
    this.#allocate(capacity)
  }

  find(event: AppEvent): App | undefined {
    if (!isIndexed(event)) return this.#appOf(guidOf(event))
    const { view, appId, appIdEnd } = event
    const apps = this.#apps
    const hashes = this.#hashes
    const mask = hashes.length - 1
    const hash = hashOf(view, appId, appIdEnd - 8)
    let slot = hash & mask
    for (let app = apps[slot]; app !== undefined; app = apps[slot]) {
      if (hashes[slot] === hash && hasId(app, view, appId, appIdEnd)) return app
      slot = (slot + 1) & mask
    }
    return this.#add(event, hash, slot)
  }

  /**
   * Reads what `find` and the encoder will read for the first `count` events: one kind of memory for all of them before the next, so that
   * the processor waits for many cache misses at once ("group prefetching"). Where 100,000 apps are equally busy, an envelope costs
   * 1.2 times what it does with 100 of them; without this, 1.7.
   */
  prefetch(events: readonly AppEvent[], count: number): void {
    const likely = this.#likely
    const apps = this.#apps
    const hashes = this.#hashes
    const mask = hashes.length - 1
    let found = 0
    let touched = 0
    for (let i = 0; i < count; i++) {
      const event = events[i] as AppEvent
      if (event.verdict !== POINT || !isIndexed(event)) continue
      const slot = hashOf(event.view, event.appId, event.appIdEnd - 8) & mask
      const app = apps[slot]
      touched += hashes[slot] as number
      if (app !== undefined) likely[found++] = app
    }
    for (let i = 0; i < found; i++) touched += (likely[i] as App).idAt
    for (let i = 0; i < found; i++) {
      const { words, idAt, placeAt, placeLength } = likely[i] as App
      const end = placeAt + (placeLength >> 3)
      for (let at = idAt; at < end; at += CACHE_LINE_WORDS) touched += words[at] as number
    }
    this.touched = touched
  }

  #add(event: AppEvent, hash: number, free: number): App | undefined {
    const app = this.#appOf(guidOf(event))
    if (app === undefined || !hasId(app, event.view, event.appId, event.appIdEnd)) return app
    this.#apps[free] = app
    this.#hashes[free] = hash
    this.#count++
    if (2 * this.#count > this.#apps.length) this.#grow()
    return app
  }

  #grow(): void {
    const apps = this.#apps
    const hashes = this.#hashes
    const count = this.#count
    this.#allocate(2 * apps.length)
    this.#count = count
    const mask = this.#hashes.length - 1
    for (const [slot, app] of apps.entries()) {
      if (app === undefined) continue
      const hash = hashes[slot] as number
      let free = hash & mask
      while (this.#apps[free] !== undefined) free = (free + 1) & mask
      this.#apps[free] = app
      this.#hashes[free] = hash
    }
  }

  /** Makes it empty. */
  #allocate(capacity: number): void {
    this.#apps = new Array(capacity).fill(undefined)
    this.#hashes = new Int32Array(capacity)
    this.#count = 0
  }
}

/** Longer and shorter ids are legal, but rare. */
function isIndexed({ guid, appId, appIdEnd }: AppEvent): boolean {
  const length = appIdEnd - appId
  return guid === '' && length >= MIN_ID_BYTES && length <= MAX_ID_BYTES
}

function hasId({ words, idAt }: App, view: DataView, appId: number, appIdEnd: number): boolean {
  const at = view.getUint8(appId) === QUOTE ? idAt : idAt + ID_WORDS
  const lastAt = appIdEnd - 8
  if (words[at + ID_LENGTH_WORD] !== appIdEnd - appId || words[at + LAST_ID_WORD] !== view.getFloat64(lastAt, true)) return false
  for (let from = appId, i = at; from < lastAt; from += 8, i++) if (view.getFloat64(from, true) !== words[i]) return false
  return true
}

/** Of the first and the last eight bytes: ids may begin alike (numbered ones) or end alike. */
function hashOf(view: DataView, first: number, last: number): number {
  const beginning = Math.imul(view.getInt32(first, true), 0x9e3779b1) ^ Math.imul(view.getInt32(first + 4, true), 0x85ebca6b)
  const ending = Math.imul(view.getInt32(last, true), 0xc2b2ae35) ^ Math.imul(view.getInt32(last + 4, true), 0x27d4eb2f)
  const hash = beginning ^ Math.imul(ending, 0x165667b1)
  return hash ^ (hash >>> 15)
}
