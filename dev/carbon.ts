import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { debianPackages } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

/** What it has stored of one path: values by their second. */
type Series = ReadonlyMap<number, number>

export interface CarbonServer {
  /** Of plaintext, over TCP and UDP. */
  readonly port: number
  /** All that is on its disk, by path. */
  stored(): ReadonlyMap<string, Series>
  /** Lines of its log that tell of something it could not read or keep. */
  problems(): readonly string[]
  close(): Promise<void>
}

const PACKAGES = [
  'graphite-carbon',
  ...['python3.11-minimal', 'libpython3.11-minimal', 'libpython3.11-stdlib', 'libexpat1', 'libffi8'],
  ...['python3-whisper', 'python3-cachetools', 'python3-six', 'python3-urllib3', 'python3-idna', 'python3-typing-extensions'],
  ...['python3-twisted', 'python3-attr', 'python3-automat', 'python3-constantly', 'python3-hyperlink', 'python3-incremental'],
  'python3-zope.interface',
]
const ARCHITECTURE = { x64: 'x86_64', arm64: 'aarch64' } as Readonly<Record<string, string>>

/** Debian's Carbon, the server of Graphite, which keeps a value for each second of the last hour. */
export async function startCarbon(): Promise<CarbonServer> {
  const installed = await debianPackages('debian-carbon', PACKAGES)
  const folder = scratchFolder('carbon')
  const [port = 0, pickle = 0, query = 0] = await freePorts(3)
  mkdirSync(join(folder, 'storage'))
  writeFileSync(join(folder, 'carbon.conf'), configOf(folder, { port, pickle, query }))
  writeFileSync(join(folder, 'storage-schemas.conf'), '[all]\npattern = .*\nretentions = 1s:1h\n')
  const triplet = `${ARCHITECTURE[process.arch] ?? process.arch}-linux-gnu`
  const logFile = join(folder, 'carbon.log')
  const server = await ServerProcess.start({
    name: 'Carbon',
    command: join(installed, 'usr/bin/python3.11'),
    args: [join(installed, 'usr/bin/carbon-cache'), '--config', join(folder, 'carbon.conf'), '--nodaemon', 'start'],
    env: {
      PYTHONHOME: join(installed, 'usr'),
      PYTHONPATH: join(installed, 'usr/lib/python3/dist-packages'),
      PYTHONDONTWRITEBYTECODE: '1',
      LD_LIBRARY_PATH: [join(installed, 'usr/lib', triplet), join(installed, 'lib', triplet)].join(':'),
    },
    logFile,
    ready: () => takes(port),
  })
  return {
    port,
    stored: () => storedIn(join(folder, 'storage/whisper')),
    problems: () =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => /invalid|error|exception/i.test(line)),
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const configOf = (folder: string, ports: { readonly port: number; readonly pickle: number; readonly query: number }) => `[cache]
STORAGE_DIR = ${folder}/storage
LOCAL_DATA_DIR = ${folder}/storage/whisper
CONF_DIR = ${folder}
LOG_DIR = ${folder}/storage
PID_DIR = ${folder}/storage
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${ports.port}
ENABLE_UDP_LISTENER = True
UDP_RECEIVER_INTERFACE = 127.0.0.1
UDP_RECEIVER_PORT = ${ports.port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = ${ports.pickle}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = ${ports.query}
MAX_CACHE_SIZE = inf
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
ENABLE_TAGS = False
`

/** Its database: a folder for each part of a path, a file for the last. */
function storedIn(folder: string, path = ''): Map<string, Series> {
  const stored = new Map<string, Series>()
  if (!existsSync(folder)) return stored
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const name = path + entry.name
    if (entry.isDirectory()) for (const [key, series] of storedIn(join(folder, entry.name), `${name}.`)) stored.set(key, series)
    else stored.set(name.replace(/\.wsp$/, ''), seriesOf(readFileSync(join(folder, entry.name))))
  }
  return stored
}

const HEADER_BYTES = 16
const POINT_BYTES = 12

/** Whisper's format: a header, one archive's place and size, then its points as seconds and doubles. */
function seriesOf(file: Buffer): Series {
  const offset = file.readUInt32BE(HEADER_BYTES)
  const points = file.readUInt32BE(HEADER_BYTES + 8)
  const series = new Map<number, number>()
  for (let at = offset; at < offset + points * POINT_BYTES; at += POINT_BYTES) {
    const second = file.readUInt32BE(at)
    if (second !== 0) series.set(second, file.readDoubleBE(at + 4))
  }
  return series
}

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
  })
}
