import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { debianPackage } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface VictoriaMetricsServer {
  readonly url: string
  readonly pid: number
  /** Every series stored, as `/api/v1/export` gives them: names are `measurement_field`, times in ms. */
  exported(match: string): Promise<{ metric: Record<string, string>; values: number[]; timestamps: number[] }[]>
  stop(): Promise<void>
  /** For the end: kills it and deletes its data. */
  close(): Promise<void>
}

/**
 * VictoriaMetrics 1.79.5 of Debian's package, on loopback: a real `/api/v2/write`. It keeps milliseconds, and drops a bad
 * line behind a 204, so it can show what arrives but not what is refused.
 */
export async function startVictoriaMetrics({ port: wanted }: { readonly port?: number } = {}): Promise<VictoriaMetricsServer> {
  const binary = join(await debianPackage('victoria-metrics'), 'usr/bin/victoria-metrics')
  const folder = scratchFolder('victoria-metrics')
  const [freePort] = await freePorts(1)
  const port = wanted ?? freePort
  const url = `http://127.0.0.1:${port}`
  const server = await ServerProcess.start({
    name: 'VictoriaMetrics 1.79.5',
    command: binary,
    args: [`-httpListenAddr=127.0.0.1:${port}`, `-storageDataPath=${folder}`, '-retentionPeriod=100y', '-memory.allowedBytes=128MB'],
    logFile: join(folder, 'victoria-metrics.log'),
    ready: async () => (await request(`${url}/health`, { headersTimeout: 1000 })).statusCode === 200,
  })
  return {
    url,
    pid: server.pid,
    exported: async (match) => {
      await (await request(`${url}/internal/force_flush`)).body.dump()
      const { body } = await request(`${url}/api/v1/export?${new URLSearchParams({ 'match[]': match })}`)
      const rows = (await body.text()).split('\n').filter((row) => row !== '')
      return rows.map((row) => JSON.parse(row))
    },
    stop: () => server.stop(),
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
