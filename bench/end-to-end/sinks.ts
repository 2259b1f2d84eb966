import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { makeCertificates } from '../../dev/certificates.ts'
import { dyingWithUs } from '../../dev/dying-with-us.ts'
import { startInfluxDb } from '../../dev/influxdb.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'

/** Where the worker writes to: a server in a process of its own. */
export interface Sink {
  readonly url: string
  readonly pid: number
  /** What a worker needs beside the address. */
  readonly env?: Readonly<Record<string, string>>
  /** Points that it holds; undefined where it keeps none. */
  points(): Promise<number | undefined>
  close(): Promise<void>
}

export const DATABASE = 'bench'

/** Says yes to every write. */
export function startNullSink(): Promise<Sink> {
  return startScript('http')
}

/** Says yes to every write, over TLS with a certificate that is checked. */
export async function startTlsSink(): Promise<Sink> {
  const { ca, serverKeyStore } = makeCertificates(scratchFolder('tls-sink'))
  return { ...(await startScript('https', serverKeyStore)), env: { SSL_CERT_FILE: ca } }
}

async function startScript(protocol: 'http' | 'https', ...files: readonly string[]): Promise<Sink> {
  const script = fileURLToPath(new URL('./null-sink.ts', import.meta.url))
  const [command, ...args] = dyingWithUs([process.execPath, '--import', 'tsx', script, ...files])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    url: `${protocol}://127.0.0.1:${port}`,
    pid: child.pid ?? -1,
    points: async () => undefined,
    close: async () => void child.kill(),
  }
}

/** InfluxDB 1.6.7 with its own defaults. */
export async function startInfluxDbSink(): Promise<Sink> {
  const influxDb = await startInfluxDb({ databases: [DATABASE] })
  const count = (measurement: string, field: string) => influxDb.count(DATABASE, measurement, field)
  return {
    url: influxDb.url,
    pid: influxDb.pid,
    points: async () => (await count('http_request', 'count')) + (await count('log', 'count')) + (await count('instance', 'cpu')),
    close: () => influxDb.close(),
  }
}
