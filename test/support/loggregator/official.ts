import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { dyingWithUs } from '../../../dev/dying-with-us.ts'
import { scratchFolder } from '../../../dev/scratch-folder.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
let built: string | Error | undefined

/** The program of `main.go`, built with Loggregator's own modules; where that cannot be, why. */
function program(): string | Error {
  if (built !== undefined) return built
  const path = join(scratchFolder('loggregator'), 'official')
  const { status, error, stderr } = spawnSync('go', ['build', '-o', path, '.'], { cwd: folder, encoding: 'utf8' })
  if (status === 0) built = path
  else
    built = new Error(
      error === undefined ? `Loggregator's Go modules cannot be built: ${stderr.trim().slice(0, 300)}` : 'there is no Go on this machine',
    )
  return built
}

/** Why Loggregator's own code cannot judge here; undefined where it can. */
export function whyNotOfficial(): string | undefined {
  const path = program()
  return typeof path === 'string' ? undefined : path.message
}

/** What it prints, line by line. */
export async function official(args: readonly string[], stdin = ''): Promise<string[]> {
  const path = program()
  if (typeof path !== 'string') throw path
  const [command, ...rest] = dyingWithUs([path, ...args])
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {}).end(stdin)
  return (await text(child.stdout)).trimEnd().split('\n')
}
