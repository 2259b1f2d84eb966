import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { dyingWithUs } from '../../../dev/dying-with-us.ts'
import { scratchFolder } from '../../../dev/scratch-folder.ts'

/** Runs Loggregator's own code: what it prints, line by line. */
export type Official = (args: readonly string[], stdin?: string) => Promise<string[]>

const folder = fileURLToPath(new URL('.', import.meta.url))

/** The program of `main.go`, built with Loggregator's own modules; where that cannot be, why. */
export async function buildOfficial(): Promise<Official | string> {
  const path = join(scratchFolder('loggregator'), 'official')
  try {
    await promisify(execFile)('go', ['build', '-o', path, '.'], { cwd: folder })
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
    return code === 'ENOENT' ? 'there is no Go on this machine' : `Loggregator's modules cannot be built: ${stderr.trim().slice(0, 300)}`
  }
  return async (args, stdin = '') => {
    const [command, ...rest] = dyingWithUs([path, ...args])
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.on('error', () => {}).end(stdin)
    return (await text(child.stdout)).trimEnd().split('\n')
  }
}
