import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { debianPackage } from '../debian-package.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { ServerProcess } from '../server-process.ts'
import { waitUntil } from '../wait-until.ts'
import { boxRoot } from './box-image.ts'
import { removeControlGroups } from './control-groups.ts'

const run = promisify(execFile)
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/** The only image there is: a shell and a few commands. */
const BOX = 'box:1'

export interface DockerEngine {
  /** As CFMR_DOCKER_HOST has it. */
  readonly host: string
  readonly socket: string
  /** Of the daemon; another after each {@link restart}. */
  readonly pid: number
  /** Docker's own command line. Resolves to what it prints on stdout, without white space around; rejects with what it says. */
  docker(...args: readonly string[]): Promise<string>
  /** Starts a container of {@link BOX} in the background that runs a script of its shell. Resolves to its id. */
  start(script: string, options?: readonly string[]): Promise<string>
  /** What it has of a container's log: the lines of both streams together. */
  countLines(container: string): Promise<number>
  /** kill -9 of the daemon: containers go on until it starts again, which ends them. */
  kill(): Promise<void>
  /** As `systemctl stop docker`. */
  stop(): Promise<void>
  /** As `systemctl restart docker`, or after {@link kill} or {@link stop}. */
  restart(): Promise<void>
  freeze(): void
  thaw(): void
  /** For the end: kills it with all its containers, and deletes what it has. */
  close(): Promise<void>
}

export interface DockerOptions {
  /** In a network of its own, where there is nothing but itself: what it makes there (the bridges of a swarm) is nowhere else, and goes with it. */
  readonly hasOwnNetwork?: boolean
}

/**
 * Debian's Docker engine in namespaces of its own for processes and mounts, so that nothing of it outlives this process. Needs root. It has no bridge:
 * containers get `--network none` unless an option says otherwise.
 */
export async function startDocker({ hasOwnNetwork = false }: DockerOptions = {}): Promise<DockerEngine> {
  const [tini = '', busybox = '', ...folders] = await Promise.all(
    ['tini', 'busybox-static', 'docker.io', 'containerd', 'runc'].map(debianPackage),
  )
  const path = folders.flatMap((folder) => [join(folder, 'usr/sbin'), join(folder, 'usr/bin')]).join(':')
  const folder = scratchFolder('docker')
  const socket = join(folder, 'docker.sock')
  const group = `/cfmr-dev-${process.pid}-${started++}`
  const env = { PATH: `${path}:${process.env['PATH']}`, DOCKER_HOST: `unix://${socket}` }
  const init = await startInit({
    tini: join(tini, 'usr/bin/tini-static'),
    busybox: join(busybox, 'bin/busybox'),
    logFile: join(folder, 'init.log'),
    hasOwnNetwork,
  })
  const docker = async (...args: readonly string[]) => {
    const { stdout } = await run('docker', args, { env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT_BYTES })
    return stdout.trim()
  }
  const start = () =>
    ServerProcess.start({
      name: 'Docker',
      command: 'nsenter',
      args: [
        ...[
          '--target',
          String(init.pid),
          '--pid',
          '--mount',
          ...(hasOwnNetwork ? ['--net'] : []),
          'setpriv',
          '--pdeathsig',
          'KILL',
          'dockerd',
        ],
        ...['--host', `unix://${socket}`, '--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
        ...['--pidfile', join(folder, 'docker.pid'), '--cgroup-parent', group],
        ...['--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver=vfs'],
      ],
      env,
      logFile: join(folder, 'docker.log'),
      ready: () => docker('version').then(() => true),
    })
  let server = await start()
  const daemonPid = () => childOf(server.pid) ?? -1
  const signal = (name: NodeJS.Signals) => {
    if (server.isRunning && daemonPid() > 0) process.kill(daemonPid(), name)
  }
  const stop = async () => {
    signal('SIGTERM')
    await waitUntil('the daemon has ended', () => !server.isRunning).catch(() => server.kill())
  }
  await importBox(docker)
  return {
    host: `unix://${socket}`,
    socket,
    get pid() {
      return daemonPid()
    },
    docker,
    start: (script, options = []) => docker('run', '--detach', '--network', 'none', ...options, BOX, '/bin/sh', '-c', script),
    countLines: async (container) => {
      const { stdout, stderr } = await run('docker', ['logs', container], { env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT_BYTES })
      return `${stdout}${stderr}`.split('\n').length - 1
    },
    kill: () => server.kill(),
    stop,
    restart: async () => {
      if (server.isRunning) await stop()
      // The namespace keeps what a killed daemon leaves: its file would stop the next one.
      rmSync(join(folder, 'docker.pid'), { force: true })
      server = await start()
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    close: async () => {
      await init.close()
      await server.kill()
      await removeControlGroups(group)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

let started = 0

interface InitOptions extends Required<DockerOptions> {
  readonly tini: string
  readonly busybox: string
  readonly logFile: string
}

/** The first process of the namespaces: when it ends, so does all in them. Mounts are theirs alone, and so is where containerd has its sockets. */
async function startInit({
  tini,
  busybox,
  logFile,
  hasOwnNetwork,
}: InitOptions): Promise<{ readonly pid: number; close(): Promise<void> }> {
  const network = hasOwnNetwork ? `${busybox} ip link set lo up && ` : ''
  const script = `${network}mkdir -p /run/containerd && mount -t tmpfs none /run/containerd && echo ready && exec ${tini} -s -- sleep infinity`
  const server = await ServerProcess.start({
    name: "Docker's namespaces (they need root)",
    command: 'unshare',
    args: [...(hasOwnNetwork ? ['--net'] : []), '--pid', '--mount', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script],
    logFile,
    ready: (log) => log.includes('ready'),
  })
  const pid = childOf(server.pid)
  if (pid === undefined) throw new Error('unshare has no child')
  return { pid, close: () => server.kill() }
}

function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    return child === undefined || child === '' ? undefined : Number(child)
  } catch {
    return undefined
  }
}

async function importBox(docker: DockerEngine['docker']): Promise<void> {
  const root = await boxRoot()
  const tar = `${root}.tar`
  await run('tar', ['-C', root, '-cf', tar, '.'])
  await docker('import', tar, BOX)
  rmSync(tar)
  rmSync(root, { recursive: true })
}
