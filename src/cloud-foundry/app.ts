import { allocateWords, putText, textAt, wordCount } from '../lib/words.ts'
import { ID_WORDS, putId, uuidSpelling } from './app-id.ts'
import { type AppSpelling, type Texts, textsOf } from './app-texts.ts'
import type { AppMetadata } from './metadata.ts'

/** An app's words, one behind the other. */
const USED_AT_WORD = 0
const FLAGS_WORD = 1
const NAME_LENGTH_WORD = 2
const PLACE_LENGTH_WORD = 3
const DOCUMENT_NAME_LENGTH_WORD = 4
const DOCUMENT_PLACE_LENGTH_WORD = 5
/** The id as `"GUID"`, and as `:low,"high":high}`. */
export const TEXT_ID_WORD = 6
export const UUID_ID_WORD = TEXT_ID_WORD + ID_WORDS
const NAME_WORD = UUID_ID_WORD + ID_WORDS

/** The container that an app's events come from, where the engine that it runs on says so. */
export interface AppContainer {
  readonly id: string
  readonly name: string
  /** As it was made of it: `nginx:1.25`. */
  readonly image: string
  /** The engine's. */
  readonly host: string
}

const EXISTS = 1
const IS_SANITIZED = 2

/**
 * An app that Cloud Controller was asked about. All that events need of it lies side by side in `words`, from `at` on: its id as
 * messages spell it, when it was used, and all of a line that depends on the app alone. Whoever knows that place needs no object of
 * the app, which would be in no cache of the processor where many apps are busy.
 */
export class App {
  words = new Float64Array(0)
  at = 0
  /** False: it is written with its `app_guid` alone, where it is written at all. */
  exists = false
  /** Whether a value had to be cleaned. */
  isSanitized = false
  /** `,app=…,app_guid=…` */
  nameAt = 0
  nameLength = 0
  /** `,org=…,org_guid=…,space=…,space_guid=…` */
  placeAt = 0
  placeLength = 0
  /** Undefined of an app of Cloud Foundry. */
  container: AppContainer | undefined = undefined

  /** Without metadata: confirmed not to exist. */
  static of(guid: string, metadata: AppMetadata | undefined, usedAtMs: number, spelling?: AppSpelling): App {
    return App.#made(guid, textsOf(guid, metadata, spelling), metadata !== undefined, usedAtMs, allocateWords)
  }

  /** One that something else than Cloud Controller names, in memory of its own. */
  static told(metadata: AppMetadata, spelling?: AppSpelling): App {
    const { app_guid: guid } = metadata
    return App.#made(guid, textsOf(guid, metadata, spelling), true, 0, ownMemory)
  }

  /** One that does not exist and that nobody will keep: in memory of its own, since it would keep that of apps around it alive. */
  static nobody(id: string, spelling?: AppSpelling): App {
    return App.#made(id, textsOf(id, undefined, spelling), false, 0, ownMemory)
  }

  /** Whose a container's events are, with what they are tagged with beside: its host and image. In memory of its own. */
  static ofContainer(metadata: AppMetadata, container: AppContainer, spelling?: AppSpelling): App {
    const texts = textsOf('', metadata, spelling, { host: container.host, image: container.image })
    const app = App.#made('', texts, true, 0, (count) => ({ words: new Float64Array(count), at: 0 }))
    app.container = container
    return app
  }

  static #made(guid: string, texts: Texts, exists: boolean, usedAtMs: number, allocate: typeof allocateWords): App {
    const { name, place, isSanitized, documentName, documentPlace } = texts
    const [nameWords, placeWords, ...documentWords] = [name, place, documentName, documentPlace].map(wordsOf) as [
      number,
      number,
      number,
      number,
    ]
    const { words, at } = allocate(NAME_WORD + nameWords + placeWords + documentWords[0] + documentWords[1])
    const documentAt = at + NAME_WORD + nameWords + placeWords
    words[at + USED_AT_WORD] = usedAtMs
    words[at + FLAGS_WORD] = (exists ? EXISTS : 0) | (isSanitized ? IS_SANITIZED : 0)
    words[at + NAME_LENGTH_WORD] = putText(name, words, at + NAME_WORD)
    words[at + PLACE_LENGTH_WORD] = putText(place, words, at + NAME_WORD + nameWords)
    words[at + DOCUMENT_NAME_LENGTH_WORD] = putText(documentName, words, documentAt)
    words[at + DOCUMENT_PLACE_LENGTH_WORD] = putText(documentPlace, words, documentAt + documentWords[0])
    putId(`"${guid}"`, words, at + TEXT_ID_WORD)
    putId(uuidSpelling(guid), words, at + UUID_ID_WORD)
    return new App().standFor(words, at)
  }

  /** Makes it the app that has its words there. */
  standFor(words: Float64Array<ArrayBuffer>, at: number): this {
    const flags = words[at + FLAGS_WORD] as number
    const nameLength = words[at + NAME_LENGTH_WORD] as number
    this.words = words
    this.at = at
    this.exists = (flags & EXISTS) !== 0
    this.isSanitized = (flags & IS_SANITIZED) !== 0
    this.nameAt = at + NAME_WORD
    this.nameLength = nameLength | 0
    this.placeAt = at + NAME_WORD + wordCount(nameLength)
    this.placeLength = (words[at + PLACE_LENGTH_WORD] as number) | 0
    return this
  }

  /** When an event last named it, as of `Date.now()`. */
  get usedAtMs(): number {
    return this.words[this.at + USED_AT_WORD] as number
  }

  set usedAtMs(usedAtMs: number) {
    this.words[this.at + USED_AT_WORD] = usedAtMs
  }

  /** Whether it would be the same if it were made anew. */
  isStill(guid: string, metadata: AppMetadata, spelling?: AppSpelling): boolean {
    const { name, place, isSanitized, documentName, documentPlace } = textsOf(guid, metadata, spelling)
    return this.exists && this.isSanitized === isSanitized && this.tags === name + place && this.document === documentName + documentPlace
  }

  /** `{"app":{"id":…,"name":…`, in a document: its instance may follow, then both objects are open. Empty where no documents are written. */
  get documentAt(): number {
    return this.placeAt + wordCount(this.placeLength)
  }

  get documentLength(): number {
    return (this.words[this.at + DOCUMENT_NAME_LENGTH_WORD] as number) | 0
  }

  /** `,"space":{…},"org":{…}`, behind the app's object. */
  get documentPlaceAt(): number {
    return this.documentAt + wordCount(this.documentLength)
  }

  get documentPlaceLength(): number {
    return (this.words[this.at + DOCUMENT_PLACE_LENGTH_WORD] as number) | 0
  }

  /** The names as Cloud Controller gives them, where documents are written: what paths, topics and indices are made of. */
  get owner(): Owner {
    const { app, space, org } = JSON.parse(`${this.#documentName}}${this.#documentPlace}}`) as Record<
      string,
      { id?: string; name?: string } | undefined
    >
    return {
      app: { id: app?.id ?? '', name: app?.name ?? '' },
      space: { id: space?.id ?? '', name: space?.name ?? '' },
      org: { id: org?.id ?? '', name: org?.name ?? '' },
    }
  }

  get document(): string {
    return this.#documentName + this.#documentPlace
  }

  get #documentName(): string {
    return textAt(this.words, this.documentAt, this.documentLength)
  }

  get #documentPlace(): string {
    return textAt(this.words, this.documentPlaceAt, this.documentPlaceLength)
  }

  /** As they stand in a line, but for what each kind of event has between the app and its org. */
  get tags(): string {
    const { words, nameAt, nameLength, placeAt, placeLength } = this
    return textAt(words, nameAt, nameLength) + textAt(words, placeAt, placeLength)
  }

  /** To another place, so that the memory it lay in can be freed. */
  move(): void {
    const { words, at, documentPlaceAt, documentPlaceLength } = this
    const end = documentPlaceAt + wordCount(documentPlaceLength)
    const to = allocateWords(end - at)
    to.words.set(words.subarray(at, end), to.at)
    this.standFor(to.words, to.at)
  }
}

function ownMemory(count: number): ReturnType<typeof allocateWords> {
  return { words: new Float64Array(count), at: 0 }
}

/** Whose an event is. Empty where that is not known. */
export interface Owner {
  readonly app: Named
  readonly space: Named
  readonly org: Named
}

interface Named {
  readonly id: string
  readonly name: string
}

function wordsOf(text: string): number {
  return wordCount(Buffer.byteLength(text))
}
