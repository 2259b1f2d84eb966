import { crc32 } from 'node:zlib'
import type { App } from '../../cloud-foundry/app.ts'
import { PerApp } from '../../cloud-foundry/per-app.ts'

/** `{kind}` of each event, as it is in names. */
export const KINDS = ['http', 'log', 'container'] as const
export type KindName = (typeof KINDS)[number]

const PLACEHOLDER = /\{(kind|org|space|yyyy\.MM\.dd)\}/g
const DAY_MS = 86_400_000
/** More days than this are of a backlog that goes wild: what was made is made again then. */
const MOST_NAMES = 64

/** What an index may be called (Elasticsearch's rules for index names). */
const FORBIDDEN = /[^a-z0-9_.+-]/g

/** Why a template of index names cannot be; undefined where it can. */
export function templateProblem(template: string): string | undefined {
  const rest = template.replace(PLACEHOLDER, 'x')
  if (/[{}]/.test(rest)) return 'the placeholders {kind}, {yyyy.MM.dd}, {org} and {space} alone'
  if (rest.replace(FORBIDDEN, '') !== rest) return 'lower-case letters, digits, "-", "_", "." and "+" between placeholders'
  if (/^[-_+.]/.test(template)) return 'a letter or a digit at the beginning'
  return undefined
}

/** Patterns that the names of a template fit, one for each kind. */
export function patternsOf(template: string): string[] {
  const ofKind = (kind: string) => template.replace(PLACEHOLDER, (_, name: string) => (name === 'kind' ? kind : '*'))
  return [...new Set(KINDS.map(ofKind))]
}

/** The index of an event: its kind, the UTC day of its time, and whose it is. */
export class IndexNames {
  readonly #template: string
  readonly #names: PerApp<Map<string, string>> | undefined
  readonly #common = new Map<string, string>()

  constructor(template: string) {
    this.#template = template
    this.#names = /\{(org|space)\}/.test(template) ? new PerApp(() => new Map()) : undefined
  }

  /** `seconds` since 1970. The same text each time. */
  of(kind: KindName, seconds: number, app: App): string {
    const day = Math.floor(seconds / 86_400)
    const names = this.#names?.of(app) ?? this.#common
    const key = `${kind}${day}`
    const known = names.get(key)
    if (known !== undefined) return known
    if (names.size >= MOST_NAMES) names.clear()
    const name = this.#make(kind, day, app)
    names.set(key, name)
    return name
  }

  #make(kind: KindName, day: number, app: App): string {
    return this.#template.replace(PLACEHOLDER, (_, placeholder: string) => {
      if (placeholder === 'kind') return kind
      if (placeholder === 'org' || placeholder === 'space') return cleaned(app.owner[placeholder])
      return new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '.')
    })
  }
}

/** A name as an index may have it. What is changed by that gets eight digits of its GUID, so that no two organizations share an index. */
function cleaned({ name, id }: { readonly name: string; readonly id: string }): string {
  const clean = name.toLowerCase().replace(FORBIDDEN, '_').slice(0, 100)
  if (clean === name && clean !== '') return clean
  const hex = id.replaceAll('-', '').toLowerCase()
  const digits = /^[0-9a-f]{8}/.test(hex) ? hex.slice(0, 8) : crc32(`${id} ${name}`).toString(16).padStart(8, '0')
  return `${clean === '' ? 'none' : clean}-${digits}`
}
