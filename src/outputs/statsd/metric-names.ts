import type { App } from '../../cloud-foundry/app.ts'

const PLACEHOLDER = /\{(\w+)\}/g
const PARTS = ['org', 'space', 'app', 'instance', 'metric', 'worker'] as const
const LONGEST_PART = 200

/** What is expected in place of it, where it is no template of metric names; undefined where it is one. */
export function templateProblem(template: string): string | undefined {
  const unknown = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name).find((name) => !PARTS.some((part) => part === name))
  if (unknown !== undefined) return `{org}, {space}, {app}, {instance}, {metric} and {worker} alone, {${unknown}} is none of them`
  if (!template.includes('{metric}')) return 'a name with {metric}'
  return /^[\w.-]+$/.test(template.replace(PLACEHOLDER, 'x')) ? undefined : 'A-Z, a-z, 0-9, _, - and . between the placeholders'
}

/** Letters, digits, _ and - of a name; all else becomes _, dots, too: no name of an app makes a metric of another. */
function cleanName(name: string): string {
  return name.replace(/[^\w-]/g, '_').slice(0, LONGEST_PART) || '_'
}

/** What {metric} stands for is put in later. */
export const METRIC = '\0'

/** The template for an app's instance, filled in one pass. */
export function nameOf(template: string, { owner }: App, instance: string, worker: string): string {
  const words: Readonly<Record<string, string>> = {
    org: cleanName(owner.org.name || owner.org.id),
    space: cleanName(owner.space.name || owner.space.id),
    app: cleanName(owner.app.name || owner.app.id),
    instance: cleanName(instance),
    metric: METRIC,
    worker: cleanName(worker),
  }
  return template.replace(PLACEHOLDER, (_, name: string) => words[name] ?? '_')
}

/** As a tag's value in Datadog's and in Telegraf's dialect: without what ends one there. */
export function cleanTag(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  return value.replace(/[\u0000-\u0020\u007f,|:=#@]/g, '_').slice(0, LONGEST_PART)
}
