import { KINDS, NameTemplate, PLACEHOLDER } from '../name-template.ts'

/** What an index may not have in its name (Elasticsearch's rules for index names). */
const FORBIDDEN = /[^a-z0-9_.+-]/g
/** What an index may not begin with; a dot hides it. */
const LEADING = /^[-_+.]+/

/** Why a template of index names cannot be; undefined where it can. */
export function templateProblem(template: string): string | undefined {
  const rest = template.replace(PLACEHOLDER, 'x')
  if (/[{}]/.test(rest)) return 'the placeholders {kind}, {yyyy.MM.dd}, {org} and {space} alone'
  if (rest.replace(FORBIDDEN, '') !== rest) return 'lower-case letters, digits, "-", "_", "." and "+" between placeholders'
  if (LEADING.test(template)) return 'a letter or a digit at the beginning'
  return undefined
}

/** Patterns that the names of a template fit, one for each kind. */
export function patternsOf(template: string): string[] {
  const ofKind = (kind: string) => template.replace(PLACEHOLDER, (_, name: string) => (name === 'kind' ? kind : '*'))
  return [...new Set(KINDS.map(ofKind))]
}

export const indexNames = (template: string): NameTemplate =>
  new NameTemplate({ template, forbidden: FORBIDDEN, leading: LEADING, isLowerCase: true })
