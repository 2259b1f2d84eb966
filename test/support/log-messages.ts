import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface LogMessage {
  /** `GaveUp`: why the process ends with status 1, the field `error` of its last line. */
  readonly level: 'WARN' | 'ERROR' | 'GaveUp'
  /** As in the source, `…` for what is filled in. */
  readonly text: string
  /** `src/…:line` */
  readonly place: string
}

/** Not the program: it hands on what others say, runs in a browser, or was generated. */
const ELSEWHERE = /^(lib\/limited-log\.ts|debug\/page\/|.*generated\/)/
const CALL = /\.(warn|error)\(|new (GaveUp)\(/g

/** Every message of a warning, an error or an end that the source can write. Throws where it cannot tell what a call says. */
export function logMessages(): LogMessage[] {
  const folder = fileURLToPath(new URL('../../src/', import.meta.url))
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !ELSEWHERE.test(file))
  return files.sort().flatMap((file) => messagesOf(file, readFileSync(folder + file, 'utf8'), folder))
}

function messagesOf(file: string, source: string, folder: string): LogMessage[] {
  return [...source.matchAll(CALL)].flatMap((match) => {
    const place = `src/${file}:${source.slice(0, match.index).split('\n').length}`
    const level = match[2] === undefined ? (match[1]?.toUpperCase() as 'WARN' | 'ERROR') : 'GaveUp'
    const args = splitArguments(source.slice(match.index + match[0].length))
    const message = (level === 'GaveUp' ? args[0] : args.at(-1)) ?? ''
    const texts =
      message === 'warning' ? warningsOfTheStart(folder) : [literal(message) ?? resolved(message, source.slice(0, match.index), source)]
    return texts.map((text) => {
      if (text === undefined) throw new Error(`${place}: cannot tell what it says: ${message}`)
      return { level, text, place }
    })
  })
}

/** What config/platform.ts finds worth a warning, which main.ts writes. */
function warningsOfTheStart(folder: string): (string | undefined)[] {
  const source = readFileSync(`${folder}config/platform.ts`, 'utf8')
  return [...source.matchAll(/yield (['"`])/g)].map(({ index }) => literal(source.slice(index + 'yield '.length).split('\n')[0] ?? ''))
}

/** The text of a constant or of a method without arguments that stands in the same file. */
function resolved(name: string, before: string, source: string): string | undefined {
  if (/^\w+$/.test(name)) {
    const declaration = before.lastIndexOf(`const ${name} =`)
    return declaration < 0 ? undefined : literal(before.slice(declaration + `const ${name} =`.length).trimStart())
  }
  const method = /^this\.(#\w+)\(\)$/.exec(name)?.[1]
  const body = method === undefined ? undefined : source.split(`  ${method}(): string {`)[1]
  return body === undefined ? undefined : literal(body.slice(body.indexOf('return ') + 'return '.length))
}

/** Of the string that the code begins with. */
function literal(code: string): string | undefined {
  return isQuote(code[0]) ? readString(code, 0).text : undefined
}

/** Up to the bracket that closes them. */
function splitArguments(code: string): string[] {
  const args: string[] = []
  let start = 0
  let depth = 0
  for (let i = 0; i < code.length; i++) {
    const character = code[i] ?? ''
    if (isQuote(character)) i = readString(code, i).end
    else if ('([{'.includes(character)) depth++
    else if (character === ',' && depth === 0) {
      args.push(code.slice(start, i).trim())
      start = i + 1
    } else if (')]}'.includes(character) && depth-- === 0) {
      return [...args, code.slice(start, i).trim()].filter((arg) => arg !== '')
    }
  }
  throw new Error('a call that is not closed')
}

const isQuote = (character: string | undefined) => character === "'" || character === '"' || character === '`'

/** The string that begins at `start`, and where its closing quote stands. */
function readString(code: string, start: number): { readonly text: string; readonly end: number } {
  let text = ''
  for (let i = start + 1; i < code.length; i++) {
    const character = code[i] ?? ''
    if (character === code[start]) return { text, end: i }
    if (code[start] === '`' && code.startsWith('${', i)) {
      i = endOfBraces(code, i + 2)
      text += '…'
    } else text += character === '\\' ? (code[++i] ?? '') : character
  }
  throw new Error('a string that is not closed')
}

function endOfBraces(code: string, start: number): number {
  let depth = 0
  for (let i = start; i < code.length; i++) {
    const character = code[i] ?? ''
    if (isQuote(character)) i = readString(code, i).end
    else if (character === '{') depth++
    else if (character === '}' && depth-- === 0) return i
  }
  throw new Error('a brace that is not closed')
}
