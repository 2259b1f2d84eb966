import { cpSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface ManifestApp {
  readonly name: string
  readonly command: string
  readonly services: readonly string[]
  readonly [attribute: string]: unknown
}

export const manifestText = readFileSync(join(root, 'manifest.yml'), 'utf8')

export function manifestApp(): ManifestApp {
  const { applications } = parse(manifestText) as { applications: ManifestApp[] }
  if (applications[0] === undefined) throw new Error('manifest.yml has no application')
  return applications[0]
}

/**
 * The files and folders that `cf push` uploads. The .cfignore may say only what cf's reading of it and git's agree on: all is
 * ignored, but for names at the top.
 */
export function pushedNames(): string[] {
  const [first, ...rest] = readFileSync(join(root, '.cfignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (first !== '/*') throw new Error(`.cfignore begins with ${first}, not with /*`)
  return rest.map((line) => {
    const name = /^!\/([\w.-]+)$/.exec(line)?.[1]
    if (name === undefined) throw new Error(`.cfignore: ${line} is not of the form !/name`)
    return name
  })
}

export function copyPushed(folder: string): void {
  for (const name of pushedNames()) cpSync(join(root, name), join(folder, basename(name)), { recursive: true })
}
