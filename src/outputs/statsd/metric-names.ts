import { createHash } from 'node:crypto'
import type { Owner } from '../../cloud-foundry/app.ts'
import type { StatsdSettings } from './variables.ts'

const PLACEHOLDER = /\{(\w+)\}/g
const PARTS = ['org', 'space', 'app', 'instance', 'metric', 'worker'] as const
/** Of a template; what is longer leaves no room for names. */
const LONGEST_TEMPLATE = 200
/** Characters of a name or a tag's value: Datadog takes no more. The next ones are tried where the whole becomes too long. */
const LONGEST_PARTS = [200, 100, 50, 25, 12] as const
/** Between two dots: Carbon keeps it as the name of a file, with `.wsp` behind it, and no file system takes more than 255. */
const LONGEST_COMPONENT = 250
/** Hexadecimal digits of what a name was before it was cut. */
const HASH_DIGITS = 8
/** A line has these beside its name and tags: the value, its type, and what separates them. */
const VALUE_BYTES = 48
const LONGEST_METRIC = 'instance.absolute_entitlement'
/** Requests have two more tags than all have. */
const LONGEST_REQUEST_TAGS = ',status_code:-2147483648,method:UPDATEREDIRECTREF'.length

/** What is expected in place of it, where it is no template of metric names; undefined where it is one. */
export function templateProblem(template: string): string | undefined {
  const unknown = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name).find((name) => !PARTS.some((part) => part === name))
  if (unknown !== undefined) return `{org}, {space}, {app}, {instance}, {metric} and {worker} alone, {${unknown}} is none of them`
  if (!template.includes('{metric}')) return 'a name with {metric}'
  if (template.length > LONGEST_TEMPLATE) return `at most ${LONGEST_TEMPLATE} characters`
  return /^[\w.-]+$/.test(template.replace(PLACEHOLDER, 'x')) ? undefined : 'A-Z, a-z, 0-9, _, - and . between the placeholders'
}

/** What all samples of one instance of an app have in common. */
export interface SeriesTexts {
  /** The name, cut where the metric stands: in front of it, perhaps between, and behind. */
  readonly name: readonly string[]
  /** Behind the name, or behind the type, as the dialect has them; never empty where the dialect has tags. */
  readonly tags: string
}

export type NameOptions = Pick<StatsdSettings, 'format' | 'name' | 'worker' | 'mtu'>

/**
 * Names and tags as the dialect has them, so short that no receiver cuts or refuses them: the line fits into a datagram, what is between two dots
 * into a file's name. What has to be cut for that ends in a hash of the whole, so that no two become one.
 */
export function seriesTexts(owner: Owner, instance: string, options: NameOptions): SeriesTexts {
  let texts = spelled(owner, instance, options, LONGEST_PARTS[0])
  for (const longest of LONGEST_PARTS.slice(1)) {
    if (isShort(texts, options)) break
    texts = spelled(owner, instance, options, longest)
  }
  return texts
}

function isShort({ name, tags }: SeriesTexts, { mtu }: NameOptions): boolean {
  const whole = name.join(LONGEST_METRIC)
  const bytes = Buffer.byteLength(whole + tags) + (tags === '' ? 0 : LONGEST_REQUEST_TAGS) + VALUE_BYTES
  return bytes <= mtu && whole.split('.').every(({ length }) => length <= LONGEST_COMPONENT)
}

function spelled({ org, space, app }: Owner, instance: string, { format, name, worker }: NameOptions, longest: number): SeriesTexts {
  const parts = { app: app.name || app.id, space: space.name || space.id, org: org.name || org.id, instance }
  const words: Readonly<Record<string, string>> = { ...parts, worker }
  const template = name.split('{metric}')
  const cutName = template.map((piece) => piece.replace(PLACEHOLDER, (_, part: string) => cleanName(words[part] ?? '', longest)))
  const tags = Object.entries(parts).flatMap(([key, value]) => (value === '' ? [] : [[key, cleanTag(value, longest)] as const]))
  if (format === 'dogstatsd') return { name: cutName, tags: `|#${tags.map(([key, value]) => `${key}:${value}`).join(',')}` }
  if (format === 'influx') return { name: cutName, tags: tags.map(([key, value]) => `,${key}=${value}`).join('') }
  return { name: cutName, tags: '' }
}

/** Letters, digits, _ and - of a name; all else becomes _, dots, too: no name of an app makes a metric of another. */
function cleanName(name: string, longest: number): string {
  return cut(name.replace(/[^\w-]/g, '_'), name, longest) || '_'
}

/** As a tag's value in Datadog's and in Telegraf's dialect: without what ends one there. */
export function cleanTag(value: string, longest = LONGEST_PARTS[0] as number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  return cut(value.replace(/[\u0000-\u0020\u007f,|:=#@]/g, '_'), value, longest)
}

function cut(clean: string, original: string, longest: number): string {
  if (clean.length <= longest) return clean
  const hash = createHash('sha256').update(original).digest('hex').slice(0, HASH_DIGITS)
  const start = clean.slice(0, longest - HASH_DIGITS - 1)
  return `${/[\ud800-\udbff]$/.test(start) ? start.slice(0, -1) : start}-${hash}`
}
