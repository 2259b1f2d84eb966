import { SLAB_WORDS } from '../../lib/words.ts'
import { App, TEXT_ID_WORD, UUID_ID_WORD } from '../app.ts'
import { type AppEvent, guidOf, POINT } from '../app-event.ts'
import { ID_LENGTH_WORD, isId, LAST_ID_WORD, MAX_ID_BYTES } from '../app-id.ts'

const SLAB_BITS = Math.log2(SLAB_WORDS)
const SLAB_MASK = SLAB_WORDS - 1
const QUOTE = 0x22
const MIN_ID_BYTES = 8
const MIN_CAPACITY = 1024
const NO_WORDS = new Float64Array(0)
/** Hardly any app has more words. */
const PREFETCHED_WORDS = 48
const CACHE_LINE_WORDS = 8

/**
 * Finds the app of an event by the bytes of its id, without making a string of them: a Map by guid doubles the time of an event. A hash table with
 * open addressing, at most half full; it knows only apps that `appOf` knows, each in at most two spellings.
 *
 * The table says where an app's words lie and nothing refers to an object of the app, so that two cache misses find it.
 */
export class AppIndex {
  readonly #appOf: (guid: string) => App | undefined
  /** Two numbers a slot: a hash of the id, which nearly always tells whether it is the one, and the place of the app; 0 is none. */
  #table = new Int32Array(0)
  #count = 0
  /** The arrays that places are in; a place is an array's number here, times SLAB_WORDS, and a word of it. */
  #slabs: Float64Array<ArrayBuffer>[] = []
  /** How many slots point into each, and the numbers of those that none does. */
  #slabUses: number[] = []
  #freeSlabs: number[] = []
  readonly #slabNumbers = new Map<Float64Array, number>()
  readonly #found = new App()
  /** Of `prefetch`: the slots where the apps should be, then their places. */
  #likely = new Int32Array(0)
  /** What `prefetch` read, kept so that no compiler leaves the reading out. */
  touched = 0

  /** `appOf` is asked where the index does not know an id yet; what it does not know either is not remembered. */
  constructor(appOf: (guid: string) => App | undefined) {
    this.#appOf = appOf
    this.clear()
  }

  /** To be called whenever all apps were moved. */
  clear(): void {
    let capacity = MIN_CAPACITY
    while (capacity < 2 * this.#count) capacity *= 2
    this.#table = new Int32Array(2 * capacity)
    this.#count = 0
    // No app is in the first, so that no place is 0.
    this.#slabs = [NO_WORDS]
    this.#slabUses = [0]
    this.#freeSlabs = []
    this.#slabNumbers.clear()
  }

  /** What it returns is overwritten by the next call. */
  find(event: AppEvent): App | undefined {
    if (!isIndexed(event)) return this.#appOf(guidOf(event))
    const { view, appId, appIdEnd } = event
    const found = this.#found
    const table = this.#table
    const mask = table.length - 1
    const hash = hashOf(view, appId, appIdEnd - 8)
    const idWord = view.getUint8(appId) === QUOTE ? TEXT_ID_WORD : UUID_ID_WORD
    let slot = (hash << 1) & mask
    for (let place = table[slot + 1] as number; place !== 0; place = table[slot + 1] as number) {
      if (table[slot] === hash) {
        const words = this.#slabs[place >>> SLAB_BITS] as Float64Array<ArrayBuffer>
        const at = place & SLAB_MASK
        if (isId(words, at + idWord, view, appId, appIdEnd)) return found.standFor(words, at)
      }
      slot = (slot + 2) & mask
    }
    return this.#learn(event, idWord)
  }

  /**
   * Reads what `find` and the encoder will read for the first `count` events: one kind of memory for all of them before the next, so that
   * the processor waits for many cache misses at once ("group prefetching"). Where 100,000 apps are equally busy, an envelope costs
   * 1.25 to 1.4 times what it does with 100 of them; without this, 1.7.
   */
  prefetch(events: readonly AppEvent[], count: number): void {
    if (count > this.#likely.length) this.#likely = new Int32Array(count)
    const likely = this.#likely
    const table = this.#table
    const mask = table.length - 1
    let found = 0
    let touched = 0
    for (let i = 0; i < count; i++) {
      const event = events[i] as AppEvent
      if (event.verdict !== POINT || !isIndexed(event)) continue
      likely[found++] = (hashOf(event.view, event.appId, event.appIdEnd - 8) << 1) & mask
    }
    for (let i = 0; i < found; i++) likely[i] = table[(likely[i] as number) + 1] as number
    for (let i = 0; i < found; i++) {
      const place = likely[i] as number
      const words = this.#slabs[place >>> SLAB_BITS] as Float64Array
      const start = place & SLAB_MASK
      const end = Math.min(start + PREFETCHED_WORDS, words.length)
      for (let at = start; at < end; at += CACHE_LINE_WORDS) touched += words[at] as number
    }
    this.touched = touched
  }

  /** Not twice without `remove` between. `find` does it for apps that `appOf` knows. */
  add(app: App): void {
    const number = this.#slabNumber(app.words)
    const place = (number << SLAB_BITS) | app.at
    for (const hash of hashesOf(app)) {
      this.#put(hash, place)
      this.#count++
      this.#slabUses[number] = (this.#slabUses[number] as number) + 1
    }
    if (4 * this.#count > this.#table.length) this.#grow()
  }

  /** To be called before an app is moved, and when it was dropped or replaced. Nothing happens where it is not here. */
  remove(app: App): void {
    const number = this.#slabNumbers.get(app.words)
    if (number === undefined) return
    const place = (number << SLAB_BITS) | app.at
    for (const hash of hashesOf(app)) if (this.#takeOut(hash, place)) this.#letGoOf(number, app.words)
  }

  #letGoOf(number: number, words: Float64Array): void {
    this.#count--
    const uses = (this.#slabUses[number] as number) - 1
    this.#slabUses[number] = uses
    if (uses > 0) return
    // Its memory would stay for nothing that is in it.
    this.#slabs[number] = NO_WORDS
    this.#slabNumbers.delete(words)
    this.#freeSlabs.push(number)
  }

  /** Returns whether it was there. What was pushed on by it moves up, so that a search still ends at the first empty slot. */
  #takeOut(hash: number, place: number): boolean {
    const table = this.#table
    const mask = table.length - 1
    let hole = (hash << 1) & mask
    for (; table[hole + 1] !== place || table[hole] !== hash; hole = (hole + 2) & mask) if (table[hole + 1] === 0) return false
    for (let slot = (hole + 2) & mask; table[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const home = ((table[slot] as number) << 1) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      table[hole] = table[slot] as number
      table[hole + 1] = table[slot + 1] as number
      hole = slot
    }
    table[hole + 1] = 0
    return true
  }

  #learn(event: AppEvent, idWord: number): App | undefined {
    const app = this.#appOf(guidOf(event))
    if (app !== undefined && isId(app.words, app.at + idWord, event.view, event.appId, event.appIdEnd)) this.add(app)
    return app
  }

  #slabNumber(words: Float64Array<ArrayBuffer>): number {
    const known = this.#slabNumbers.get(words)
    if (known !== undefined) return known
    const number = this.#freeSlabs.pop() ?? this.#slabs.length
    this.#slabs[number] = words
    this.#slabUses[number] = 0
    this.#slabNumbers.set(words, number)
    return number
  }

  #put(hash: number, place: number): void {
    const table = this.#table
    const mask = table.length - 1
    let slot = (hash << 1) & mask
    while (table[slot + 1] !== 0) slot = (slot + 2) & mask
    table[slot] = hash
    table[slot + 1] = place
  }

  #grow(): void {
    const table = this.#table
    this.#table = new Int32Array(2 * table.length)
    for (let slot = 0; slot < table.length; slot += 2) {
      if (table[slot + 1] !== 0) this.#put(table[slot] as number, table[slot + 1] as number)
    }
  }
}

/** Longer and shorter ids are legal, but rare. */
function isIndexed({ guid, appId, appIdEnd }: AppEvent): boolean {
  const length = appIdEnd - appId
  return guid === '' && length >= MIN_ID_BYTES && length <= MAX_ID_BYTES
}

/** Of each spelling that its id has. */
function hashesOf({ words, at }: App): number[] {
  const view = new DataView(words.buffer, words.byteOffset)
  return [at + TEXT_ID_WORD, at + UUID_ID_WORD]
    .filter((idAt) => words[idAt + ID_LENGTH_WORD] !== 0)
    .map((idAt) => hashOf(view, 8 * idAt, 8 * (idAt + LAST_ID_WORD)))
}

/** Of the first and the last eight bytes: ids may begin alike (numbered ones) or end alike. */
function hashOf(view: DataView, first: number, last: number): number {
  const beginning = Math.imul(view.getInt32(first, true), 0x9e3779b1) ^ Math.imul(view.getInt32(first + 4, true), 0x85ebca6b)
  const ending = Math.imul(view.getInt32(last, true), 0xc2b2ae35) ^ Math.imul(view.getInt32(last + 4, true), 0x27d4eb2f)
  const hash = beginning ^ Math.imul(ending, 0x165667b1)
  return hash ^ (hash >>> 15)
}
