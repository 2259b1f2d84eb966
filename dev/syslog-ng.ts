import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Certificates } from './certificates.ts'
import { debianPackage } from './debian-package.ts'
import { freePorts } from './free-port.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

/** A message as it has understood it. One that it could not is `{ PROGRAM: 'syslog-ng', MESSAGE: 'Error processing log message: …' }`. */
interface ParsedMessage {
  readonly HOST: string
  readonly PROGRAM: string
  readonly PID: string
  readonly PRIORITY: string
  readonly MESSAGE: string
  readonly _SDATA?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface SyslogNgServer {
  readonly ports: { readonly octet: number; readonly lf: number; readonly tls: number }
  messages(): readonly ParsedMessage[]
  /** For the end: kills it and deletes what it has. */
  close(): Promise<void>
}

const ARCHITECTURE = { x64: 'x86_64', arm64: 'aarch64' } as Readonly<Record<string, string>>
const PACKAGES = ['syslog-ng-core', 'libivykis0', 'libnet1', 'libpcre3', 'libjson-c5', 'libwrap0']

/** Debian's syslog-ng, which takes RFC 5424 apart to the letter, over TCP (framed by RFC 6587's count, or by line feeds) and TLS. */
export async function startSyslogNg(certificates: Certificates & { readonly folder: string }): Promise<SyslogNgServer> {
  const [core = '', ...libraries] = await Promise.all(PACKAGES.map(debianPackage))
  const triplet = `${ARCHITECTURE[process.arch] ?? process.arch}-linux-gnu`
  const paths = libraries.flatMap((library) => [join(library, 'usr/lib', triplet), join(library, 'lib', triplet)])
  const folder = scratchFolder('syslog-ng')
  const [octet = 0, lf = 0, tls = 0] = await freePorts(3)
  const file = join(folder, 'messages')
  const config = join(folder, 'syslog-ng.conf')
  writeFileSync(config, configOf({ octet, lf, tls }, file, certificates))
  writeFileSync(file, '')
  const server = await ServerProcess.start({
    name: 'syslog-ng',
    command: join(core, 'usr/sbin/syslog-ng'),
    args: ['-F', '-f', config, '--no-caps', '-R', join(folder, 'persist'), '-p', join(folder, 'pid'), '-c', join(folder, 'control')].concat(
      '--module-path',
      join(core, 'usr/lib/syslog-ng/3.38'),
    ),
    env: { LD_LIBRARY_PATH: [...paths, join(core, 'usr/lib/syslog-ng')].join(':') },
    logFile: join(folder, 'syslog-ng.log'),
    ready: async () => (await Promise.all([octet, lf, tls].map(takes))).every(Boolean),
  })
  return {
    ports: { octet, lf, tls },
    messages: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as ParsedMessage),
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const configOf = (ports: SyslogNgServer['ports'], file: string, { folder }: { readonly folder: string }) => `@version: 3.38
options { keep-hostname(yes); use-dns(no); dns-cache(no); chain-hostnames(no); log-msg-size(65536); flush-lines(1); stats-freq(0); };
source s {
  syslog(ip("127.0.0.1") port(${ports.octet}) transport("tcp"));
  network(ip("127.0.0.1") port(${ports.lf}) transport("tcp") flags(syslog-protocol));
  syslog(ip("127.0.0.1") port(${ports.tls}) transport("tls")
    tls(key-file("${join(folder, 'server.key')}") cert-file("${join(folder, 'server.pem')}") peer-verify(optional-untrusted)));
};
destination d { file("${file}" template("$(format-json --scope rfc5424)\\n")); };
log { source(s); destination(d); };
`

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
