import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'undici'
import { debianPackage } from '../debian-package.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { ServerProcess } from '../server-process.ts'
import { boxRoot } from './box-image.ts'

const run = promisify(execFile)
const BINARIES = [
  'podman',
  'conmon',
  'runc',
  'golang-github-containers-common',
  'golang-github-containers-image',
  'netavark',
  'docker.io',
] as const
const LIBRARIES = ['libsubid4', 'libgpgme11', 'libassuan0', 'libdevmapper1.02.1', 'libip4tc2', 'libseccomp2'] as const
const ARCHITECTURE = { x64: 'x86_64', arm64: 'aarch64' } as Readonly<Record<string, string>>
const IMAGE = 'box:latest'
const POLICY_FOLDER = '/etc/containers'

export interface PodmanEngine {
  /** As CFMR_DOCKER_HOST has it. */
  readonly host: string
  /** Docker's command line, against Podman's service. */
  docker(...args: readonly string[]): Promise<string>
  /** Starts a container in the background that runs a script of its shell. Resolves to its id. */
  start(script: string, options?: readonly string[]): Promise<string>
  close(): Promise<void>
}

/** Podman's Docker-compatible service, of Debian's packages, in namespaces of its own. Needs root. */
export async function startPodman(): Promise<PodmanEngine> {
  const binaries = await Promise.all(BINARIES.map(debianPackage))
  const libraries = await Promise.all(LIBRARIES.map(debianPackage))
  const folder = scratchFolder('podman')
  const socket = join(folder, 'podman.sock')
  const triplet = `${ARCHITECTURE[process.arch] ?? process.arch}-linux-gnu`
  const [podman = '', conmon = '', runc = '', , , netavark = ''] = binaries
  mkdirSync(join(folder, 'containers'))
  writeFileSync(
    join(folder, 'containers.conf'),
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
conmon_path = ["${join(conmon, 'usr/bin/conmon')}"]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
helper_binaries_dir = ["${join(netavark, 'usr/lib/podman')}"]
[engine.runtimes]
runc = ["${join(runc, 'usr/sbin/runc')}"]
`,
  )
  writeFileSync(join(folder, 'storage.conf'), `[storage]\ndriver = "vfs"\nrunroot = "${folder}/run"\ngraphroot = "${folder}/graph"\n`)
  const libraryFolders = libraries.flatMap((each) => [join(each, `usr/lib/${triplet}`), join(each, `lib/${triplet}`)]).filter(existsSync)
  // What Podman starts by way of conmon has no environment of ours: the loader has to know by itself.
  writeFileSync(join(folder, 'ld.so.conf'), `${libraryFolders.join('\n')}\ninclude /etc/ld.so.conf.d/*.conf\n`)
  writeFileSync(join(folder, 'containers/policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
  const env = {
    PATH: `${binaries.flatMap((each) => [join(each, 'usr/sbin'), join(each, 'usr/bin')]).join(':')}:${process.env['PATH']}`,
    CONTAINERS_CONF: join(folder, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    TMPDIR: folder,
  }
  // The policy of images has one place alone: a folder of the host, over which the namespace has its own.
  const isOurs = !existsSync(POLICY_FOLDER)
  mkdirSync(POLICY_FOLDER, { recursive: true })
  const script = `mount -t tmpfs none ${POLICY_FOLDER}
cp ${folder}/containers/policy.json ${POLICY_FOLDER}/
ldconfig -C ${folder}/ld.so.cache -f ${folder}/ld.so.conf && mount --bind ${folder}/ld.so.cache /etc/ld.so.cache
mkdir -p /run/libpod && mount -t tmpfs none /run/libpod
exec ${podman}/usr/bin/podman system service --time 0 unix://${socket}`
  const client = new Client('http://podman', { socketPath: socket })
  const server = await ServerProcess.start({
    name: 'Podman (it needs root)',
    command: 'unshare',
    args: ['--pid', '--mount', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script],
    env,
    logFile: join(folder, 'podman.log'),
    ready: async () => {
      const { statusCode, body } = await client.request({ method: 'GET', path: '/_ping' })
      await body.dump()
      return statusCode === 200
    },
  })
  const docker = async (...args: readonly string[]) => {
    const { stdout } = await run('docker', args, { env: { ...process.env, PATH: env.PATH, DOCKER_HOST: `unix://${socket}` } })
    return stdout.trim()
  }
  await importBox(client)
  return {
    host: `unix://${socket}`,
    docker,
    start: (script, options = []) => docker('run', '--detach', '--network', 'host', ...options, IMAGE, '/bin/sh', '-c', script),
    close: async () => {
      await client.destroy()
      await server.kill()
      if (isOurs) rmdirSync(POLICY_FOLDER)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function importBox(client: Client): Promise<void> {
  const root = await boxRoot()
  await run('tar', ['-C', root, '-cf', `${root}.tar`, '.'])
  const { statusCode, body } = await client.request({
    method: 'POST',
    path: '/v1.41/images/create?fromSrc=-&repo=box',
    body: readFileSync(`${root}.tar`),
    headers: { 'content-type': 'application/x-tar' },
  })
  const said = await body.text()
  if (statusCode !== 200) throw new Error(`Podman does not take the image: ${statusCode} ${said}`)
  rmSync(`${root}.tar`)
  rmSync(root, { recursive: true })
}
