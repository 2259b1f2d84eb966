import { VARIABLE_GROUPS } from './variables.ts'

const INDENT = '      '
const WIDTH = 100

/** The variables as the manual (`-h`) shows them. */
export function variablesText(): string {
  const lines: string[] = []
  for (const { title, variables } of VARIABLE_GROUPS) {
    lines.push('', `${title}:`)
    for (const [name, { kind, defaultText, otherwise, desc }] of Object.entries(variables)) {
      const unset = defaultText === undefined ? otherwise : `default ${defaultText}`
      lines.push(`  ${name}  (${unset === undefined ? kind : `${kind}; ${unset}`})`, ...wrap(desc))
    }
  }
  return lines.join('\n').trimStart()
}

/** The same for the README. */
export function variablesMarkdown(): string {
  const lines = ['| variable | type | default | meaning |', '|---|---|---|---|']
  for (const { variables } of VARIABLE_GROUPS) {
    for (const [name, { kind, defaultText, otherwise = '', desc }] of Object.entries(variables)) {
      lines.push(`| \`${name}\` | ${cell(kind)} | ${cell(defaultText ?? otherwise)} | ${cell(desc)} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('__', '\\_\\_')
}

function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(INDENT + word)
  }
  return lines
}
