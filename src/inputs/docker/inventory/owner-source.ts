/** Where a name of a container's owner is taken from, as the operator writes it. */
export type OwnerSource =
  | { readonly kind: 'env' | 'label' | 'vcap' | 'text'; readonly key: string }
  | { readonly kind: 'name' | 'image' | 'id' | 'host' | 'slot' }

/** What `inspect` says of a container, as far as owners are concerned. */
export interface Described {
  readonly id: string
  /** Without the slash before it. */
  readonly name: string
  readonly image: string
  readonly host: string
  readonly labels: Readonly<Record<string, string>>
  /** `NAME=value` each, as the engine has them. */
  readonly env: readonly string[]
}

const TASK_NAME = 'com.docker.swarm.task.name'

/** `env:NAME`, `label:NAME`, `vcap:KEY`, `text:ANY`, `name`, `image`, `id`, `host`, or `slot` (of a swarm's task); undefined of anything else. */
export function parseOwnerSource(text: string): OwnerSource | undefined {
  const [, kind, key] = /^(env|label|vcap|text):(.+)$/s.exec(text) ?? []
  if (kind !== undefined && key !== undefined) return { kind: kind as 'env', key }
  return /^(?:name|image|id|host|slot)$/.test(text) ? { kind: text as 'name' } : undefined
}

/** The first of the sources that gives something; undefined where none does. No other environment variable is looked at. */
export function ownerName(container: Described, sources: readonly OwnerSource[]): string | undefined {
  for (const source of sources) {
    const name = valueBy(container, source)
    if (name !== undefined && name !== '') return name
  }
  return undefined
}

function valueBy(container: Described, source: OwnerSource): string | undefined {
  switch (source.kind) {
    case 'env':
      return variable(container.env, source.key)
    case 'label':
      return Object.hasOwn(container.labels, source.key) ? container.labels[source.key] : undefined
    case 'vcap':
      return ofVcapApplication(container.env, source.key)
    case 'text':
      return source.key
    case 'slot':
      // SERVICE.SLOT.TASK; a service's name has no dot.
      return container.labels[TASK_NAME]?.split('.').at(-2)
    default:
      return container[source.kind]
  }
}

function variable(env: readonly string[], name: string): string | undefined {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** What Cloud Foundry tells an app of itself. */
function ofVcapApplication(env: readonly string[], key: string): string | undefined {
  try {
    const application: unknown = JSON.parse(variable(env, 'VCAP_APPLICATION') ?? '')
    if (typeof application !== 'object' || application === null || !Object.hasOwn(application, key)) return undefined
    const value = (application as Record<string, unknown>)[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  } catch {
    return undefined
  }
}
