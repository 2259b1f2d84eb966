import { crc32 } from 'node:zlib'
import type { App } from '../cloud-foundry/app.ts'
import { CONTAINER_EVENT, HTTP, LOG } from '../cloud-foundry/app-event.ts'
import { PerApp } from '../cloud-foundry/per-app.ts'

/** `{kind}` of the events that every platform has, as it is in names. */
export const KINDS = ['http', 'log', 'container'] as const
export type KindName = (typeof KINDS)[number] | 'docker.event'

/** What an event is called in names. */
export function kindNameOf(kind: number): KindName {
  if (kind === HTTP) return 'http'
  if (kind === LOG) return 'log'
  return kind === CONTAINER_EVENT ? 'docker.event' : 'container'
}

/** What names of indices and topics may be made of. */
export const PLACEHOLDER = /\{(kind|org|space|yyyy\.MM\.dd)\}/g

const DAY_SECONDS = 86_400
/** More days than this are of a backlog that goes wild: what was made is made again then. */
const MOST_NAMES = 64
const LONGEST_PART = 100

export interface NameTemplateOptions {
  readonly template: string
  /** Characters that a name may not have; each becomes `_`. */
  readonly forbidden: RegExp
  /** What an inserted name may not begin with; it is left out. */
  readonly leading?: RegExp
  readonly isLowerCase?: boolean
}

/** Where in an output an event goes: by its kind, the UTC day of its time, and whose it is. */
export class NameTemplate {
  readonly #options: NameTemplateOptions
  readonly #ofApps: PerApp<Map<string, string>> | undefined
  readonly #common = new Map<string, string>()

  constructor(options: NameTemplateOptions) {
    this.#options = options
    this.#ofApps = /\{(org|space)\}/.test(options.template) ? new PerApp(() => new Map()) : undefined
  }

  /** `seconds` since 1970. The same text each time. */
  of(kind: KindName, seconds: number, app: App): string {
    const day = Math.floor(seconds / DAY_SECONDS)
    const names = this.#ofApps?.of(app) ?? this.#common
    const key = `${kind}${day}`
    const known = names.get(key)
    if (known !== undefined) return known
    if (names.size >= MOST_NAMES) names.clear()
    const name = this.#make(kind, day, app)
    names.set(key, name)
    return name
  }

  #make(kind: KindName, day: number, app: App): string {
    return this.#options.template.replace(PLACEHOLDER, (_, placeholder: string) => {
      if (placeholder === 'kind') return kind
      if (placeholder === 'org' || placeholder === 'space') return this.#cleaned(app.owner[placeholder])
      return new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10).replaceAll('-', '.')
    })
  }

  /** A name as the output takes it. What is changed by that gets eight digits of its GUID, so that no two organizations share a place. */
  #cleaned({ name, id }: { readonly name: string; readonly id: string }): string {
    const { forbidden, leading = /^$/, isLowerCase = false } = this.#options
    const allowed = (isLowerCase ? name.toLowerCase() : name).replace(forbidden, '_')
    const clean = allowed.replace(leading, '').slice(0, LONGEST_PART)
    if (clean === name && clean !== '') return clean
    const hex = id.replaceAll('-', '').toLowerCase()
    const digits = /^[0-9a-f]{8}/.test(hex) ? hex.slice(0, 8) : crc32(`${id} ${name}`).toString(16).padStart(8, '0')
    return `${clean === '' ? 'none' : clean}-${digits}`
  }
}

/** Of an event's time in ns, decimal digits of `view`: 0 before 1970. */
export function secondsOf(view: DataView, start: number, end: number): number {
  let seconds = 0
  if (view.getUint8(start) === MINUS) return 0
  for (let at = start; at < end - NANOSECOND_DIGITS; at++) seconds = seconds * 10 + view.getUint8(at) - ZERO
  return seconds
}

const MINUS = 0x2d
const ZERO = 0x30
const NANOSECOND_DIGITS = 9
