import { readFileSync } from 'node:fs'

/** What our boards use of Grafana's JSON. */
export interface Board {
  readonly uid: string
  readonly panels: readonly (Panel & { readonly panels?: readonly Panel[] })[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly [key: string]: unknown
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly query?: string; readonly expr?: string; readonly resultFormat?: string }[]
  readonly options?: object
  readonly fieldConfig?: { readonly defaults: { readonly custom?: object } }
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string | { readonly query: string }
  readonly multi?: boolean
  readonly allValue?: string
  readonly options?: readonly { readonly value: string }[]
}

export const boardFile = (name: string) => new URL(`../../deploy/grafana/${name}.json`, import.meta.url)

export const readBoard = (name: string) => JSON.parse(readFileSync(boardFile(name), 'utf8')) as Board

/** All but rows, those inside of collapsed rows, too. */
export const panelsOf = (board: Board): Panel[] => board.panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]))

/** What is chosen for each variable: one value, several, or {@link ALL}. */
export type Choice = Readonly<Record<string, string | readonly string[]>>

export const ALL = '$__all'

/** What a data source puts in for a variable that can have several values. */
type Join = (values: readonly string[]) => string

const escaped = (value: string) => value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&')

/** Inside of a regular expression between slashes. */
export const joinForInfluxQl: Join = (values) => `(${values.map(escaped).join('|')})`

/** Inside of a regular expression in a quoted string: the backslashes are doubled; a slash is nothing special. */
export const joinForPromQl: Join = (values) => {
  const inString = values.map((value) => value.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&'))
  return inString.length === 1 ? (inString[0] as string) : `(${inString.join('|')})`
}

/** The query as Grafana sends it, macros and variables replaced. Throws where one of them is not known. */
export function expand(
  query: string,
  macros: Readonly<Record<string, string>>,
  variables: readonly Variable[],
  choice: Choice,
  join: Join,
) {
  return query.replace(/\$(\w+)|\$\{(\w+)\}|\[\[(\w+)\]\]/g, (text, ...names: (string | undefined)[]) => {
    const name = names.slice(0, 3).find((each) => each !== undefined) ?? ''
    const macro = macros[name]
    if (macro !== undefined) return macro
    const variable = variables.find((each) => each.name === name)
    const chosen = choice[name]
    if (variable === undefined || chosen === undefined) throw new Error(`${text} is no variable of the board, in ${query}`)
    if (chosen === ALL) return variable.allValue ?? ''
    return typeof chosen === 'string' ? chosen : join(chosen)
  })
}
