import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface ManifestNode {
  /** Options of node. */
  readonly nodeArgs: readonly string[]
  /** Variables for the allocator of memory. */
  readonly env: Readonly<Record<string, string>>
}

/** How the manifest's command starts the program in a container of 256 MB, as a shell makes it of that command. */
export function manifestNode(): ManifestNode {
  const { applications } = parse(readFileSync(new URL('../manifest.yml', import.meta.url), 'utf8')) as {
    readonly applications: readonly { readonly command: string }[]
  }
  const command = applications[0]?.command.replace('exec node', 'env | grep ^MALLOC_; printf "%s\\n"') ?? ''
  const words = execFileSync('sh', ['-c', command], { encoding: 'utf8', env: { ...process.env, MEMORY_LIMIT: '256m' } }).split('\n')
  const nodeArgs = words.filter((word) => word.startsWith('--'))
  const hasLimits = ['old', 'semi'].every((space) => nodeArgs.some((word) => word.startsWith(`--max-${space}-space-size=`)))
  if (!hasLimits) throw new Error(`manifest.yml: expected a limit of each part of the heap, found ${words.join(' ')}`)
  return { nodeArgs, env: Object.fromEntries(words.filter((word) => word.startsWith('MALLOC_')).map((word) => word.split('='))) }
}
