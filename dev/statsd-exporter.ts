import { execFile } from 'node:child_process'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { request } from 'undici'
import { cached } from './cache.ts'
import { unpackPackages } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

/** A sample of what it exposes. */
interface ExposedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface StatsdExporter {
  readonly ports: { readonly udp: number; readonly tcp: number }
  samples(): Promise<readonly ExposedSample[]>
  close(): Promise<void>
}

const VERSION = '0.24.0'
/** The compiler of Debian 12, which that version asks for. */
const GO = '1.19'

/** Prometheus' statsd_exporter, which reads plain StatsD and the dialects with tags. Built when it is asked for first. */
export async function startStatsdExporter(): Promise<StatsdExporter> {
  const installed = await cached(`statsd-exporter-${VERSION}`, build)
  const folder = scratchFolder('statsd-exporter')
  const [udp = 0, tcp = 0, web = 0] = await freePorts(3)
  const metrics = async () => (await request(`http://127.0.0.1:${web}/metrics`)).body.text()
  const server = await ServerProcess.start({
    name: `statsd_exporter ${VERSION}`,
    command: join(installed, 'statsd_exporter'),
    args: [
      `--statsd.listen-udp=127.0.0.1:${udp}`,
      `--statsd.listen-tcp=127.0.0.1:${tcp}`,
      `--web.listen-address=127.0.0.1:${web}`,
      // Told at once, so that what is asked for is what has come.
      '--statsd.event-flush-interval=10ms',
    ],
    logFile: join(folder, 'statsd-exporter.log'),
    ready: async () => (await metrics()).includes('statsd_exporter_'),
  })
  return {
    ports: { udp, tcp },
    samples: async () => parsed(await metrics()),
    close: async () => {
      await server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function build(folder: string): Promise<void> {
  const go = join(folder, 'go')
  await mkdir(go)
  await unpackPackages([`golang-${GO}-go`, `golang-${GO}-src`], go)
  const root = join(go, `usr/lib/go-${GO}`)
  const env = { GOROOT: root, GOPATH: join(go, 'path'), GOCACHE: join(go, 'cache'), GOFLAGS: '-modcacherw', CGO_ENABLED: '0' }
  await promisify(execFile)(join(root, 'bin/go'), ['install', `github.com/prometheus/statsd_exporter@v${VERSION}`], {
    env: { ...process.env, ...env, GOBIN: join(go, 'bin') },
  })
  await copyFile(join(go, 'bin/statsd_exporter'), join(folder, 'statsd_exporter'))
  await rm(go, { recursive: true })
}

/** Prometheus' text format. */
function parsed(text: string): ExposedSample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) return []
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, JSON.parse(`"${text}"`)])
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }]
  })
}
