import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Certificates } from './certificates.ts'
import { debianPackage } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface RsyslogServer {
  readonly host: '127.0.0.1'
  readonly ports: { readonly tcp: number; readonly udp: number; readonly relp: number; readonly tls: number }
  /** Every message that it has written to its file, as it came, each without a line feed at its end. */
  messages(): readonly string[]
  kill(): Promise<void>
  restart(): Promise<void>
  /** For the end: kills it and deletes what it has. */
  close(): Promise<void>
}

const ARCHITECTURE = { x64: 'x86_64', arm64: 'aarch64' } as Readonly<Record<string, string>>
const PACKAGES = ['rsyslog', 'rsyslog-relp', 'rsyslog-gnutls', 'librelp0', 'libestr0', 'libfastjson4', 'libgnutls30']

/** Debian's rsyslog, that writes messages to a file before it acknowledges them; TLS only where it gets certificates. */
export async function startRsyslog(certificates?: Certificates & { readonly folder: string }): Promise<RsyslogServer> {
  const folders = await Promise.all(PACKAGES.map(debianPackage))
  const library = `usr/lib/${ARCHITECTURE[process.arch] ?? process.arch}-linux-gnu`
  const libraries = folders.map((folder) => join(folder, library))
  const folder = scratchFolder('rsyslog')
  const [tcp = 0, udp = 0, relp = 0, tls = 0] = await freePorts(4)
  const file = join(folder, 'messages')
  writeFileSync(join(folder, 'rsyslog.conf'), configOf({ tcp, udp, relp, tls }, file, certificates))
  writeFileSync(file, '')
  const start = () =>
    ServerProcess.start({
      name: 'rsyslog',
      command: join(folders[0] ?? '', 'usr/sbin/rsyslogd'),
      args: [
        '-n',
        '-f',
        join(folder, 'rsyslog.conf'),
        '-i',
        join(folder, 'pid'),
        '-M',
        libraries.map((path) => join(path, 'rsyslog')).join(':'),
      ],
      env: { LD_LIBRARY_PATH: libraries.join(':') },
      logFile: join(folder, 'rsyslog.log'),
      ready: async () => (await Promise.all([takes(tcp), takes(relp), certificates === undefined || takes(tls)])).every(Boolean),
    })
  let server = await start()
  return {
    host: '127.0.0.1',
    ports: { tcp, udp, relp, tls },
    messages: () => readFileSync(file, 'utf8').split('\u001e').slice(0, -1),
    kill: () => server.kill(),
    restart: async () => {
      await server.kill()
      server = await start()
    },
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configOf(ports: RsyslogServer['ports'], file: string, certificates?: Certificates & { readonly folder: string }): string {
  const tls =
    certificates === undefined
      ? ''
      : `
global(defaultNetstreamDriverCAFile="${certificates.ca}" defaultNetstreamDriverCertFile="${join(certificates.folder, 'server.pem')}" defaultNetstreamDriverKeyFile="${join(certificates.folder, 'server.key')}")
input(type="imtcp" port="${ports.tls}" address="127.0.0.1" ruleset="all" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")`
  return `global(maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp")
module(load="imudp")
module(load="imrelp")
template(name="raw" type="string" string="%rawmsg%\u001e")
ruleset(name="all" queue.type="Direct") { action(type="omfile" file="${file}" template="raw") }
input(type="imtcp" port="${ports.tcp}" address="127.0.0.1" ruleset="all")
input(type="imudp" port="${ports.udp}" address="127.0.0.1" ruleset="all")
input(type="imrelp" port="${ports.relp}" address="127.0.0.1" ruleset="all" maxDataSize="64k")${tls}
`
}

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
