import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Every page for people, as paths from the top. */
export const PAGES: readonly string[] = [
  ...['.', 'docs', 'docs/inputs', 'docs/outputs', 'deploy']
    .filter((folder) => existsSync(`${root}/${folder}`))
    .flatMap((folder) =>
      readdirSync(`${root}/${folder}`)
        .filter((file) => file.endsWith('.md'))
        .map((file) => `${folder === '.' ? '' : `${folder}/`}${file}`),
    ),
].sort()

export const pageText = (page: string) => readFileSync(`${root}/${page}`, 'utf8')

export interface CodeBlock {
  readonly page: string
  /** What stands behind the opening fence. */
  readonly language: string
  readonly text: string
}

export function codeBlocks(page: string): CodeBlock[] {
  return [...pageText(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({ page, language, text }))
}

/** The one block of the page that has this text. */
export function blockWith(page: string, text: string): string {
  const [block, ...others] = codeBlocks(page).filter((each) => each.text.includes(text))
  if (block === undefined || others.length > 0) throw new Error(`${page}: ${others.length + (block ? 1 : 0)} blocks with ${text}`)
  return block.text
}

export interface Command {
  readonly page: string
  readonly text: string
}

/** What people are told to type: the lines of shell blocks, and what is quoted in a sentence and begins as a command does. */
export function commands(page: string): Command[] {
  const lines = codeBlocks(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => commandsOf(text))
  const prose = pageText(page).replace(/^```[\s\S]*?^```$/gm, '')
  const quoted = [...prose.matchAll(/`([^`\n]+)`/g)]
    .map(([, text = '']) => text)
    .filter((text) => /^(npm|npx|node|cf|promtool|influx|cf-metrics-refinery) \S/.test(text))
  return [...lines, ...quoted].map((text) => ({ page, text }))
}

/** A loop is one command; so is what goes on over the end of a line. Comments go. */
function commandsOf(script: string): string[] {
  const found: string[] = []
  let loop = ''
  for (const line of script.replace(/\\\n\s*/g, '').split('\n')) {
    const text = line.replace(/(^|\s)#.*$/, '').trim()
    if (loop !== '' || text.startsWith('for ')) {
      loop += `${line}\n`
      if (!line.startsWith('done')) continue
      found.push(loop)
      loop = ''
    } else found.push(...text.split(' && ').filter((part) => part !== ''))
  }
  return found
}
