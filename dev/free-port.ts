import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './cache.ts'

/** Below the ports that Linux gives to outgoing connections (ip_local_port_range), so that none of those takes one meanwhile. */
const FIRST = 10_240
const LAST = 32_767

/** A file a port with the process that has it: whoever runs beside us takes no port of a server that is starting, or stopped for a while. */
const claims = join(tmpdir(), 'cfmr-dev-ports')

const ours = new Set<string>()
process.once('exit', () => {
  for (const claim of ours) rmSync(claim, { force: true })
})

/** As many different ports as asked for, on which nobody listens at any address; ours until this process ends. */
export async function freePorts(count: number): Promise<number[]> {
  mkdirSync(claims, { recursive: true })
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(FIRST, LAST + 1)
    if (claimed(port) && (await isFree(port))) ports.push(port)
  }
  return ports
}

function claimed(port: number): boolean {
  const claim = join(claims, String(port))
  try {
    writeFileSync(claim, String(process.pid), { flag: 'wx' })
    ours.add(claim)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    dropIfLeftBehind(claim)
    return false
  }
}

/** So that the port can be had the next time. */
function dropIfLeftBehind(claim: string): void {
  try {
    if (!isAlive(Number(readFileSync(claim, 'utf8')))) rmSync(claim, { force: true })
  } catch {
    // Its owner has just dropped it.
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen(port, () => server.close(() => resolve(true)))
  })
}
