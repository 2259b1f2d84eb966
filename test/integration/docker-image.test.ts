import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { boxRoot } from '../../dev/docker/box-image.ts'
import { type DockerEngine, startDocker } from '../../dev/docker/docker.ts'
import { freePorts } from '../../dev/free-port.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { copyPushed } from '../support/manifest.ts'
import { shared } from '../support/shared.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const deploy = (name: string) => readFileSync(join(root, 'deploy/docker', name), 'utf8')
const BASE = 'node-here:1'
const IMAGE = 'cf-metrics-refinery'

let engine: DockerEngine

beforeAll(async () => {
  await shared('program')
  engine = await startDocker()
  await importNode()
  await buildImage()
}, 600_000)

afterAll(() => engine?.close())

/** This machine's Node with what it is linked to, where there is no registry to pull its image from. */
async function importNode(): Promise<void> {
  const folder = await boxRoot()
  const libraries = [process.execPath, ...nativeModules()].flatMap(
    (file) => execFileSync('ldd', [file], { encoding: 'utf8' }).match(/\/\S+/g) ?? [],
  )
  for (const file of new Set([process.execPath, ...libraries])) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    cpSync(file, join(folder, file), { dereference: true })
  }
  mkdirSync(join(folder, 'usr/local/bin'), { recursive: true })
  symlinkSync(process.execPath, join(folder, 'usr/local/bin/node'))
  await run('tar', ['-C', folder, '-cf', `${folder}.tar`, '.'])
  await engine.docker('import', '--change', 'ENV PATH=/usr/local/bin:/bin', `${folder}.tar`, BASE)
}

/** One that is made as all of them are. */
function nativeModules(): string[] {
  const scope = join(root, 'node_modules/@node-rs')
  const names = readdirSync(scope).filter((name) => name.startsWith('crc32-linux'))
  return names.flatMap((name) =>
    readdirSync(join(scope, name)).flatMap((file) => (file.endsWith('.node') ? [join(scope, name, file)] : [])),
  )
}

/** The Dockerfile, but for its first stage, which needs a registry: what that would make is laid out here, as a buildpack installs it. */
async function buildImage(): Promise<void> {
  const context = scratchFolder('image')
  copyPushed(context)
  const outer = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(name))
  await run('npm', ['install', '--prefer-offline'], { cwd: context, env: { ...Object.fromEntries(outer), NODE_ENV: 'production' } })
  const [head = '', build = '', last = ''] = deploy('Dockerfile').split(/^(?=FROM )/m)
  expect(build).toContain('npm ci && npm run build && npm prune --omit=dev')
  writeFileSync(join(context, 'Dockerfile'), `${head}FROM scratch AS build\nCOPY . /app\n\n${last}`)
  await engine.docker('build', '--build-arg', `BASE=${BASE}`, '--tag', IMAGE, context)
}

it('the image reads all containers of its host but itself, is healthy, and reads on where the one before it ended', async () => {
  const [port] = await freePorts(1)
  const options = [
    ...['--network', 'host', '--env', `CFMR_SERVER_PORT=${port}`, '--env', 'CFMR_OUTPUT=stdout', '--env', 'CFMR_STDOUT_FORMAT=json'],
    ...['--env', 'CFMR_LOGLEVEL=DEBUG', '--env', 'CFMR_DOCKER_COLLECT=logs', '--env', 'CFMR_BATCHER_FLUSHINTERVAL=100ms'],
    ...['--volume', `${engine.socket}:/var/run/docker.sock:ro`, '--volume', 'state:/state', '--health-interval', '1s'],
  ]
  const worker = (name: string) => engine.docker('run', '--detach', '--name', name, ...options, IMAGE)
  const documents = async (name: string) =>
    (await engine.docker('logs', name))
      .split('\n')
      .filter((line) => line.startsWith('{"@timestamp"'))
      .map((line) => JSON.parse(line) as { readonly message: string; readonly container: { readonly id: string; readonly name: string } })
  const count = async (name: string) => (await documents(name)).length
  await engine.start('while true; do n=$((n+1)); echo $n; sleep 0.1; done', ['--name', 'counting'])
  await worker('first')
  await waitUntil(
    'it is healthy',
    async () => (await engine.docker('inspect', '--format', '{{.State.Health.Status}}', 'first')) === 'healthy',
  )
  await waitUntil('it reads', async () => (await count('first')) > 10)
  await engine.docker('stop', 'first')
  expect(await engine.docker('inspect', '--format', '{{.State.ExitCode}}', 'first')).toBe('0')
  const before = await documents('first')
  expect(new Set(before.map(({ container }) => container.name))).toEqual(new Set(['counting']))
  await worker('second')
  await waitUntil('the next one reads', async () => (await count('second')) > before.length)
  await engine.docker('stop', 'second')
  const own = (await documents('second')).filter(({ container }) => container.name === 'second')
  expect(own, 'its own log').toEqual([])
  const numbers = [...before, ...(await documents('second'))]
    .filter(({ container }) => container.name === 'counting')
    .map(({ message }) => message)
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1)))
}, 240_000)

it('the files for compose, a swarm and Kubernetes mount the socket and keep the positions', () => {
  for (const file of ['compose.yaml', 'stack.yaml']) {
    const { services } = parse(deploy(file)) as { services: Record<string, { volumes: string[] }> }
    const [service] = Object.values(services)
    expect(service?.volumes).toEqual(['/var/run/docker.sock:/var/run/docker.sock:ro', 'state:/state'])
  }
  const daemonSet = parse(deploy('daemonset.yaml'))
  const { containers, volumes } = daemonSet.spec.template.spec
  expect(containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(['/var/run/docker.sock', '/state'])
  expect(volumes.map(({ name }: { name: string }) => name)).toEqual(['socket', 'state'])
  expect(deploy('cf-metrics-refinery.service')).toMatch(
    /CFMR_STATE=\/var\/lib\/cf-metrics-refinery\n[\s\S]*StateDirectory=cf-metrics-refinery\n/,
  )
})
