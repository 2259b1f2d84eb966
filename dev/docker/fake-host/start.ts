import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { dyingWithUs } from '../../dying-with-us.ts'

export interface FakeHostOptions {
  readonly containers: number
  /** That each container has written before. */
  readonly lines: number
  /** Of each line, without its number. */
  readonly lineBytes: number
  /** Of all containers together, from then on. */
  readonly linesPerSecond: number
  /** What an engine answers when asked for a container's usage. */
  readonly frame?: string
}

export interface FakeHost {
  /** As CFMR_DOCKER_HOST has it. */
  readonly host: string
  close(): Promise<void>
}

/** A fake engine with many containers, in a process of its own. It never outlives us. */
export async function startFakeHost(options: FakeHostOptions): Promise<FakeHost> {
  const script = fileURLToPath(new URL('serve.ts', import.meta.url))
  const [command, ...args] = dyingWithUs([process.execPath, '--import', 'tsx', script, JSON.stringify(options)])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [host] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    host: String(host),
    close: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}
