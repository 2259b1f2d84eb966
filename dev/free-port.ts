import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { promisify } from 'node:util'

/** Below the ports that Linux gives to outgoing connections (ip_local_port_range), so that none of those takes one meanwhile. */
const FIRST = 10_240
const LAST = 32_767

/** As many different ports of 127.0.0.1 as asked for, free at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenSomewhere))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => promisify(server.close.bind(server))()))
  return ports
}

async function listenSomewhere() {
  for (;;) {
    const server = createServer()
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen(randomInt(FIRST, LAST + 1), '127.0.0.1', () => resolve(undefined))
    })
    if (error === undefined) return server
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
  }
}
