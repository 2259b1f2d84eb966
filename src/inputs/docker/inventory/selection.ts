import type { Described } from './owner-source.ts'

/** One entry of CFMR_DOCKER_INCLUDE or _EXCLUDE. */
export interface ContainerPattern {
  readonly kind: 'name' | 'image' | 'label' | 'env'
  /** Of a label or a variable. */
  readonly key: string
  /** Undefined: that the label or variable is there is enough. */
  readonly value: RegExp | undefined
}

/** What of a container is read. */
export interface Selected {
  readonly logs: boolean
  readonly stats: boolean
  readonly events: boolean
}

export interface Selection {
  /** Empty: all. */
  readonly include: readonly ContainerPattern[]
  readonly exclude: readonly ContainerPattern[]
  readonly collect: ReadonlySet<keyof Selected>
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

/** Whether a container is among those that are read at all. */
function isSelected(container: Described, { include, exclude }: Pick<Selection, 'include' | 'exclude'>): boolean {
  const fits = (pattern: ContainerPattern) => isLike(container, pattern)
  return (include.length === 0 || include.some(fits)) && !exclude.some(fits)
}

/** What of it is read: its own labels win. `isOwn`: it is the container that this process runs in, whose log would never end. */
export function selectedOf(container: Described, selection: Selection, isOwn: boolean): Selected {
  const isChosen = isSelected(container, selection)
  const of = (fact: keyof Selected) => {
    const word = fact === 'events' ? undefined : container.labels[`cfmr.${fact}`]?.trim().toLowerCase()
    const isWanted = word === 'true' ? true : word === 'false' ? false : isChosen
    return selection.collect.has(fact) && isWanted
  }
  return { logs: of('logs') && !isOwn, stats: of('stats'), events: of('events') }
}

function isLike({ name, image, labels, env }: Described, { kind, key, value }: ContainerPattern): boolean {
  if (kind === 'name' || kind === 'image') return value?.test(kind === 'name' ? name : image) === true
  if (kind === 'label') return Object.hasOwn(labels, key) && value?.test(labels[key] as string) !== false
  const variable = env.find((entry) => entry.startsWith(`${key}=`))
  return variable !== undefined && value?.test(variable.slice(key.length + 1)) !== false
}
