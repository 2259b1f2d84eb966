import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { request } from 'undici'
import { debianPackage } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface PrometheusOptions {
  /** Asked for their /metrics, as host:port. */
  readonly targets: readonly string[]
  readonly job?: string
  readonly scrapeIntervalSeconds?: number
  /** Files of alert rules. */
  readonly ruleFiles?: readonly string[]
}

export interface PrometheusServer {
  readonly url: string
  /** What its HTTP API has at a path below /api/v1, such as `query`. Rejects with what Prometheus says. */
  api(path: string, parameters?: Readonly<Record<string, string | number>>): Promise<unknown>
  /** For the end: kills it and deletes its data. */
  close(): Promise<void>
}

const binary = async (name: 'prometheus' | 'promtool') => join(await debianPackage('prometheus'), 'usr/bin', name)

/** Debian's Prometheus, on loopback, in a temporary folder. */
export async function startPrometheus({
  targets,
  job = 'cf-metrics-refinery',
  scrapeIntervalSeconds = 1,
  ruleFiles = [],
}: PrometheusOptions): Promise<PrometheusServer> {
  const command = await binary('prometheus')
  const folder = scratchFolder('prometheus')
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const configFile = join(folder, 'prometheus.yml')
  mkdirSync(join(folder, 'data'))
  writeFileSync(
    configFile,
    JSON.stringify({
      global: { scrape_interval: `${scrapeIntervalSeconds}s`, evaluation_interval: '1s' },
      rule_files: ruleFiles,
      scrape_configs: [{ job_name: job, static_configs: [{ targets }] }],
    }),
  )
  const running = await ServerProcess.start({
    name: 'Prometheus',
    command,
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    logFile: join(folder, 'prometheus.log'),
    ready: async () => (await request(`${url}/-/ready`, { headersTimeout: 1000 })).statusCode === 200,
  })
  return {
    url,
    api: (path, parameters = {}) => askApi(`${url}/api/v1/${path}`, parameters),
    close: async () => {
      await running.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function askApi(url: string, parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
  const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)] as [string, string]))
  const { body } = await request(`${url}?${query}`)
  const { status, data, error } = (await body.json()) as { status: string; data?: unknown; error?: string }
  if (status !== 'success') throw new Error(`Prometheus: ${error} in ${JSON.stringify(parameters)}`)
  return data
}

/** What Prometheus' own tool says to files; rejects with its words where it finds a mistake. */
export async function promtool(...args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(await binary('promtool'), args)
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}
