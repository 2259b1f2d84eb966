import { type AppEvent, textAt } from '../../cloud-foundry/app-event.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { type Snippet, snippet } from '../../lib/words.ts'
import type { SeriesTexts } from './metric-names.ts'

/** Instances of an app whose names are kept; what has more forgets them. */
const MOST_INSTANCES = 1000
const ZERO = 0x30
const NINE = 0x39
const LONGEST_INDEX_DIGITS = 3
/** A name's metrics and the tags of a request. */
const ROOM_BYTES = 512

interface Series {
  readonly name: readonly Snippet[]
  readonly tags: Snippet
  readonly sizeBytes: number
}

/** Names and tags of the instances of one app, ready to be copied: {@link InstanceSeries.find} chooses whose. */
export class InstanceSeries {
  readonly #make: (instance: string) => SeriesTexts
  /** Of instances with a number below 1000. */
  #byIndex: (Series | undefined)[] = []
  /** Of all others. */
  #byText: Map<string, Series> | undefined
  #found: Series = { name: [], tags: snippet(''), sizeBytes: 0 }

  constructor(make: (instance: string) => SeriesTexts) {
    this.#make = make
  }

  /** Makes it the event's instance that the rest is about. */
  find(event: AppEvent): void {
    const index = indexOf(event)
    this.#found = (index < 0 ? undefined : this.#byIndex[index]) ?? this.#look(event, index)
  }

  /** No more bytes than what is appended here and the tags of a request have. */
  get sizeBytes(): number {
    return this.#found.sizeBytes
  }

  get hasTags(): boolean {
    return this.#found.tags.length > 0
  }

  appendName(metric: Snippet, buffer: ByteBuffer): void {
    const { name } = this.#found
    for (let i = 0; i < name.length; i++) {
      if (i > 0) buffer.appendSnippet(metric)
      buffer.appendSnippet(name[i] as Snippet)
    }
  }

  appendTags(buffer: ByteBuffer): void {
    buffer.appendSnippet(this.#found.tags)
  }

  #look(event: AppEvent, index: number): Series {
    const instance = textAt(event, event.instance, event.instanceEnd)
    const known = index < 0 ? this.#byText?.get(instance) : undefined
    if (known !== undefined) return known
    const { name, tags } = this.#make(instance)
    const snippets = name.map((piece) => snippet(piece))
    const size = Buffer.byteLength(name.join('') + tags)
    const series = { name: snippets, tags: snippet(tags), sizeBytes: size + name.length * ROOM_BYTES }
    if (index >= 0) this.#byIndex[index] = series
    else {
      if (this.#byText === undefined || this.#byText.size >= MOST_INSTANCES) this.#byText = new Map()
      this.#byText.set(instance, series)
    }
    return series
  }
}

/** The instance's number where it is one of at most three digits, as such are written; else -1. */
function indexOf({ view, instance, instanceEnd }: AppEvent): number {
  const digits = instanceEnd - instance
  if (digits < 1 || digits > LONGEST_INDEX_DIGITS || (digits > 1 && view.getUint8(instance) === ZERO)) return -1
  let index = 0
  for (let at = instance; at < instanceEnd; at++) {
    const digit = view.getUint8(at)
    if (digit < ZERO || digit > NINE) return -1
    index = index * 10 + digit - ZERO
  }
  return index
}
