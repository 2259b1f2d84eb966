import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { request } from 'undici'
import { cached } from './cache.ts'
import { freePorts } from './free-port.ts'
import { withGo } from './go-compiler.ts'
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

/** The last that Debian 12's compiler takes. */
const VERSION = '0.24.0'

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
  await withGo(folder, async ({ go, bin }) => {
    await go(['install', `github.com/prometheus/statsd_exporter@v${VERSION}`])
    await copyFile(join(bin, 'statsd_exporter'), join(folder, 'statsd_exporter'))
  })
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
