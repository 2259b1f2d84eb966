import type { Described } from './owner-source.ts'

/** One entry of CFMR_DOCKER_INCLUDE or _EXCLUDE. */
export interface ContainerPattern {
  readonly kind: 'name' | 'image' | 'label' | 'env'
  /** Of a label or a variable. */
  readonly key: string
  /** Undefined: that the label or variable is there is enough. */
  readonly value: RegExp | undefined
}

/** What there is to read of a container, as CFMR_DOCKER_COLLECT calls it. */
type Collected = 'logs' | 'stats' | 'events'

/** What of a container is read. */
export interface Selected extends Readonly<Record<Collected, boolean>> {
  /** Of what is not read: why, in words. No variable of its environment. */
  readonly reasons: Readonly<Partial<Record<Collected, string>>>
}

export interface Selection {
  /** Empty: all. */
  readonly include: readonly ContainerPattern[]
  readonly exclude: readonly ContainerPattern[]
  readonly collect: ReadonlySet<Collected>
}

const FORM = /^(?:(name|image)=(.+)|(label|env)=([^=]+)(?:=(.*))?)$/s

/** `name=GLOB`, `image=GLOB`, `label=KEY[=GLOB]`, `env=NAME[=GLOB]`; a regular expression between slashes in a glob's place. Undefined of anything else. */
export function parsePattern(text: string): ContainerPattern | undefined {
  const [, named, glob, keyed, key = '', value] = FORM.exec(text.trim()) ?? []
  try {
    if (named !== undefined) return { kind: named as 'name', key: '', value: expressionOf(glob as string) }
    if (keyed !== undefined) return { kind: keyed as 'label', key, value: value === undefined ? undefined : expressionOf(value) }
  } catch {
    // No regular expression.
  }
  return undefined
}

/** `*` is any text, `?` any character; the whole must fit. Throws a SyntaxError where there is no such regular expression. */
function expressionOf(glob: string): RegExp {
  const between = /^\/(.*)\/$/s.exec(glob)?.[1]
  if (between !== undefined) return new RegExp(between, 'u')
  const source = glob
    .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
    .replaceAll('*', '[^]*')
    .replaceAll('?', '[^]')
  return new RegExp(`^${source}$`, 'u')
}

/** Why a container is not among those that are read at all; undefined where it is. */
function leftOut(container: Described, { include, exclude }: Pick<Selection, 'include' | 'exclude'>): string | undefined {
  const fits = (pattern: ContainerPattern) => isLike(container, pattern)
  if (exclude.some(fits)) return 'CFMR_DOCKER_EXCLUDE matches it'
  return include.length === 0 || include.some(fits) ? undefined : 'CFMR_DOCKER_INCLUDE does not match it'
}

/** What of it is read: its own labels win. `isOwn`: it is the container that this process runs in, whose log would never end. */
export function selectedOf(container: Described, selection: Selection, isOwn: boolean): Selected {
  const leftOutFor = leftOut(container, selection)
  const reasonOf = (fact: Collected): string | undefined => {
    if (!selection.collect.has(fact)) return `CFMR_DOCKER_COLLECT is without ${fact}`
    if (fact === 'logs' && isOwn) return 'it is the container that this worker runs in'
    const word = fact === 'events' ? undefined : container.labels[`cfmr.${fact}`]?.trim().toLowerCase()
    if (word === 'false') return `its label cfmr.${fact} is false`
    return word === 'true' ? undefined : leftOutFor
  }
  const reasons = { logs: reasonOf('logs'), stats: reasonOf('stats'), events: reasonOf('events') }
  return {
    logs: reasons.logs === undefined,
    stats: reasons.stats === undefined,
    events: reasons.events === undefined,
    reasons: Object.fromEntries(Object.entries(reasons).filter(([, reason]) => reason !== undefined)),
  }
}

function isLike({ name, image, labels, env }: Described, { kind, key, value }: ContainerPattern): boolean {
  if (kind === 'name' || kind === 'image') return value?.test(kind === 'name' ? name : image) === true
  if (kind === 'label') return Object.hasOwn(labels, key) && value?.test(labels[key] as string) !== false
  const variable = env.find((entry) => entry.startsWith(`${key}=`))
  return variable !== undefined && value?.test(variable.slice(key.length + 1)) !== false
}
