import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { debianPackage } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { type InfluxQl, influxQl } from './influxql.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface InfluxDbOptions {
  /** A free one by default. */
  readonly port?: number
  /** Made at the start. */
  readonly databases?: readonly string[]
  /** Asks every request for this user, an administrator. */
  readonly admin?: { readonly username: string; readonly password: string }
  /** Over InfluxDB's defaults, by section: `{ data: { 'max-values-per-tag': 10 } }`. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>
}

export interface InfluxDbServer extends InfluxQl {
  readonly url: string
  /** Of the process that runs now, or ran last. */
  readonly pid: number
  /** SIGTERM, awaited. */
  stop(): Promise<void>
  /** SIGKILL, awaited. */
  kill(): Promise<void>
  /** SIGSTOP: sockets stay open, nothing is answered. */
  freeze(): void
  thaw(): void
  /** Again on the same port and data, stopped before if it runs. Resolves when it serves. */
  restart(): Promise<void>
  /** For the end: kills it and deletes its data. */
  close(): Promise<void>
}

/** InfluxDB 1.6.7 of Debian's package, on loopback, in a temporary folder. */
export async function startInfluxDb({ port: wanted, databases = [], admin, config = {} }: InfluxDbOptions = {}): Promise<InfluxDbServer> {
  const influxd = join(await debianPackage('influxdb'), 'usr/bin/influxd')
  const folder = scratchFolder('influxdb')
  const [freePort = 0, rpcPort = 0] = await freePorts(2)
  const port = wanted ?? freePort
  const url = `http://127.0.0.1:${port}`
  const configFile = join(folder, 'influxdb.conf')
  writeFileSync(configFile, configText({ folder, port, rpcPort, hasAdmin: admin !== undefined, config }))
  for (const name of ['meta', 'data', 'wal']) mkdirSync(join(folder, name))

  const start = () =>
    ServerProcess.start({
      name: 'InfluxDB 1.6.7',
      command: influxd,
      args: ['-config', configFile],
      logFile: join(folder, 'influxd.log'),
      ready: async () => (await request(`${url}/ping`, { headersTimeout: 1000 })).statusCode === 204,
    })
  let running = await start()

  const { query, count } = influxQl({ url, ...admin })
  if (admin) await query(`CREATE USER "${admin.username}" WITH PASSWORD '${admin.password}' WITH ALL PRIVILEGES`)
  for (const database of databases) await query(`CREATE DATABASE "${database}"`)

  return {
    url,
    get pid() {
      return running.pid
    },
    query,
    count,
    stop: () => running.stop(),
    kill: () => running.kill(),
    freeze: () => running.freeze(),
    thaw: () => running.thaw(),
    restart: async () => {
      await running.stop()
      running = await start()
    },
    close: async () => {
      await running.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Layout {
  readonly folder: string
  readonly port: number
  readonly rpcPort: number
  readonly hasAdmin: boolean
  readonly config: NonNullable<InfluxDbOptions['config']>
}

function configText({ folder, port, rpcPort, hasAdmin, config }: Layout): string {
  const sections: NonNullable<InfluxDbOptions['config']> = {
    meta: { dir: join(folder, 'meta') },
    monitor: { 'store-enabled': false },
    ...config,
    data: { dir: join(folder, 'data'), 'wal-dir': join(folder, 'wal'), 'query-log-enabled': false, ...config['data'] },
    http: { 'bind-address': `127.0.0.1:${port}`, 'auth-enabled': hasAdmin, 'log-enabled': false, ...config['http'] },
  }
  const text = Object.entries(sections).map(([name, settings]) => {
    const lines = Object.entries(settings).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`)
    return `[${name}]\n${lines.join('')}`
  })
  return `reporting-disabled = true\nbind-address = "127.0.0.1:${rpcPort}"\n${text.join('')}`
}
