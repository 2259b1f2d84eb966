import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { LogLine } from '../../dev/worker-process.ts'
import { shared } from './shared.ts'

export interface Run {
  readonly args?: readonly string[]
  /** The CFMR_ variables; none of this process's own are passed on. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What comes to its stdin, which then ends; by default it is empty. */
  readonly stdin?: string | Buffer
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The lines of JSON among both. */
  readonly log: readonly LogLine[]
}

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const MAX_MS = 60_000

/** The built program from its start to its own end. */
export async function run({ args = [], env, stdin = '' }: Run): Promise<Ended> {
  await shared('program')
  const inherited = Object.entries(process.env).filter(([name]) => !/^(CFMR_|VCAP_|CF_INSTANCE|PORT$|NODE_OPTIONS$)/.test(name))
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...Object.fromEntries(inherited), CFMR_SERVER_PORT: '0', ...env },
    timeout: MAX_MS,
    killSignal: 'SIGKILL',
  })
  child.stdin.on('error', () => {}).end(stdin)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return {
    code,
    stdout,
    stderr,
    log: `${stdout}\n${stderr}`.split('\n').flatMap((line) => (line.startsWith('{"level"') ? JSON.parse(line) : [])),
  }
}
