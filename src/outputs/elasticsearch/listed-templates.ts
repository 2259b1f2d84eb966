import type { HttpAnswer } from '../../lib/http-server.ts'

/** An index template that a cluster has. */
export interface ListedTemplate {
  readonly name: string
  readonly patterns: readonly string[]
  readonly priority: number
  readonly isDataStream: boolean
}

interface Listed {
  readonly name: string
  readonly index_template: {
    readonly index_patterns: string | readonly string[]
    readonly priority?: number
    readonly data_stream?: object
  }
}

/** What `GET /_index_template` answers; undefined where it is something else. */
export function templatesOf({ status, text }: Pick<HttpAnswer, 'status' | 'text'>): ListedTemplate[] | undefined {
  if (status !== 200) return undefined
  try {
    const { index_templates } = JSON.parse(text) as { index_templates: readonly Listed[] }
    return index_templates.map(({ name, index_template: { index_patterns, priority = 0, data_stream } }) => ({
      ...{ name, priority },
      patterns: [index_patterns].flat(),
      isDataStream: data_stream !== undefined,
    }))
  } catch {
    return undefined
  }
}

/** The template that an index of this name is made of: among those that fit, the one of the highest priority. */
export function bestFor(templates: readonly ListedTemplate[], name: string): ListedTemplate | undefined {
  const fitting = templates.filter(({ patterns }) => patterns.some((pattern) => fits(pattern, name)))
  return fitting.toSorted((a, b) => b.priority - a.priority)[0]
}

function fits(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(name)
}
