import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface StatsdServer {
  readonly port: number
  /** All counts, or the last value of each gauge, or the times of each timer, since it was started. */
  read(what: 'counters' | 'gauges' | 'timers'): Promise<Readonly<Record<string, number | readonly number[]>>>
  close(): Promise<void>
}

const VERSION = '0.9.0'

/** StatsD's own daemon, from npm, that never flushes: what it was sent stays to be asked for. On a free port unless told otherwise. */
export async function startStatsd(protocol: 'udp' | 'tcp', { port: wantedPort = 0 } = {}): Promise<StatsdServer> {
  const installed = await cached(`statsd-${VERSION}`, async (folder) => {
    const args = ['install', '--no-save', '--ignore-scripts', '--omit=optional', '--prefix', folder, `statsd@${VERSION}`]
    await promisify(execFile)('npm', args)
  })
  const folder = scratchFolder('statsd')
  const [freePort = 0, admin = 0] = await freePorts(2)
  const port = wantedPort || freePort
  const config = join(folder, 'config.js')
  const settings = { port, mgmt_port: admin, address: '127.0.0.1', mgmt_address: '127.0.0.1', flushInterval: 3_600_000, backends: [] }
  writeFileSync(config, JSON.stringify({ ...settings, servers: [{ server: `./servers/${protocol}`, address: '127.0.0.1', port }] }))
  const program = join(installed, 'node_modules/statsd/stats.js')
  const server = await ServerProcess.start({
    name: `StatsD ${VERSION}`,
    command: process.execPath,
    args: [program, config],
    logFile: join(folder, 'statsd.log'),
    ready: async () => (await ask(admin, 'health')).includes('up'),
  })
  return {
    port,
    read: async (what) =>
      JSON.parse(
        (await ask(admin, what))
          .replace(/END\s*$/, '')
          .replaceAll("'", '"')
          .replace(/([{,]\s*)([\w.]+):/g, '$1"$2":'),
      ),
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What its management port answers to a command. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\n`))
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      answer += chunk.toString()
      if (command === 'health' ? answer.includes('\n') : /END\s*$/.test(answer)) socket.end('quit\n')
    })
    socket.on('close', () => resolve(answer))
  })
}
