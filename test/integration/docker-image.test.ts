import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { parse } from 'yaml'
import { debianCompose } from '../../dev/docker/compose.ts'
import { type DockerEngine, startDocker } from '../../dev/docker/docker.ts'
import { importNode } from '../../dev/docker/node-image.ts'
import { freePorts } from '../../dev/free-port.ts'
import { influxQl } from '../../dev/influxql.ts'
import { daemonSetMistakes } from '../../dev/kubernetes/daemon-set.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { DockerScene } from '../support/docker-scene.ts'
import { shared, uniqueName } from '../support/shared.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const file = (name: string) => join(root, 'deploy/docker', name)
const deploy = (name: string) => readFileSync(file(name), 'utf8')
const BASE = 'node-here:1'
const IMAGE = 'cf-metrics-refinery'
const REGISTRY_MS = 30_000

let engine: DockerEngine
/** Why there is no image; undefined where there is. */
let noImage: string | undefined

beforeAll(async () => {
  engine = await startDocker()
  noImage = await unreachableRegistry()
  if (noImage !== undefined) return
  await importNode(engine, BASE, nativeModules())
  await buildImage()
}, 900_000)

afterAll(() => engine?.close())

/** The build fetches packages. Undefined where they can be had. */
async function unreachableRegistry(): Promise<string | undefined> {
  try {
    await run('npm', ['view', 'undici', 'version'], { timeout: REGISTRY_MS })
    return undefined
  } catch (error) {
    return `npm cannot reach its registry, without which no image can be built: ${(error as Error).message.split('\n')[0]}`
  }
}

/** For each test that needs the image. */
function needsImage(skip: (reason: string) => void): void {
  if (noImage === undefined) return
  console.log(noImage)
  skip(noImage)
}

/** One that is made as all of them are. */
function nativeModules(): string[] {
  const scope = join(root, 'node_modules/@node-rs')
  const names = readdirSync(scope).filter((name) => name.startsWith('crc32-linux'))
  return names.flatMap((name) =>
    readdirSync(join(scope, name)).flatMap((file) => (file.endsWith('.node') ? [join(scope, name, file)] : [])),
  )
}

/** As the first line of the Dockerfile says, with this machine's Node in place of the official image; the build gets the host's network. */
async function buildImage(): Promise<void> {
  const files = ['--file', join(root, 'deploy/docker/Dockerfile'), '--tag', IMAGE, root]
  await engine.docker('build', '--network', 'host', '--build-arg', `BASE=${BASE}`, ...files)
}

it('the image reads all containers of its host but itself, is healthy, and reads on where the one before it ended', async ({ skip }) => {
  needsImage(skip)
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
})

it('compose starts it from the image, with what the environment says', async ({ skip }) => {
  needsImage(skip)
  const compose = await debianCompose(engine)
  if (compose === undefined) {
    console.log("Debian's python3 is not there: docker-compose cannot be run")
    return skip("no Debian's python3")
  }
  const { url } = await shared('influxdb')
  const [port] = await freePorts(1)
  const database = uniqueName('compose')
  const ql = influxQl({ url })
  await ql.query(`CREATE DATABASE "${database}"`)
  // The engine's socket is elsewhere here, and the port may be taken.
  const here = join(scratchFolder('compose'), 'here.yaml')
  const volumes = [`${engine.socket}:/var/run/docker.sock:ro`]
  writeFileSync(here, JSON.stringify({ services: { refinery: { volumes, environment: { CFMR_SERVER_PORT: String(port) } } } }))
  const files = ['--project-name', 'composed', '--file', file('compose.yaml'), '--file', here]
  const env = { CFMR_INFLUXDB_ADDR: url, CFMR_INFLUXDB_DATABASE: database }
  await expect(compose([...files, 'up', '--detach'], {})).rejects.toThrow(/the address of InfluxDB/)
  await compose([...files, 'up', '--detach'], env)
  onTestFinished(async () => void (await compose([...files, 'down', '--volumes'], env)))
  await engine.start('echo from compose')
  await waitUntil('a line is stored', async () => (await ql.count(database, 'log', 'count')) > 0)
  await compose([...files, 'stop'], env)
  const id = await engine.docker('ps', '--all', '--quiet', '--filter', 'label=com.docker.compose.project=composed')
  expect(await engine.docker('inspect', '--format', '{{.State.ExitCode}} {{.HostConfig.Memory}}', id)).toBe(`0 ${512 * 2 ** 20}`)
})

it('a swarm takes the stack, and starts one task on each node, whose service names what is read of it', async () => {
  const swarm = await startDocker({ hasOwnNetwork: true })
  onTestFinished(() => swarm.close())
  const folder = scratchFolder('swarm')
  await swarm.docker('swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:2377')
  // The engine's socket is elsewhere here; what stands in for the image says a word, and stays.
  const stack = deploy('stack.yaml').replace('- /var/run/docker.sock:', `- ${swarm.socket}:`)
  expect(stack).toContain(`${swarm.socket}:/var/run/docker.sock:ro`)
  writeFileSync(join(folder, 'stack.yaml'), stack)
  const command = ['sh', '-c', 'trap "exit 0" TERM; echo from a task; while true; do sleep 0.2; done']
  writeFileSync(join(folder, 'here.yaml'), JSON.stringify({ version: '3.8', services: { worker: { command } } }))
  const files = ['stack.yaml', 'here.yaml'].flatMap((name) => ['--compose-file', join(folder, name)])
  const env = { REFINERY_IMAGE: 'box:1', CFMR_INFLUXDB_ADDR: 'http://influxdb.example.org:8086' }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  await swarm.docker('stack', 'deploy', '--resolve-image', 'never', ...files, 'refinery')
  const scene = DockerScene.with(swarm.host)
  const worker = await scene.work()
  const ofTask = () => scene.documents.find(({ message }) => message === 'from a task')
  await worker.waitUntil('its line is read', () => ofTask() !== undefined)
  expect(ofTask()?.cloudfoundry).toMatchObject({ app: { name: 'refinery_worker' }, org: { name: 'refinery' } })
  const tasks = (await swarm.docker('service', 'ps', '--format', '{{.DesiredState}}', 'refinery_worker')).split('\n')
  expect(tasks).toEqual(['Running'])
  const format = '{{.HostConfig.Memory}} {{range .Mounts}}{{.Destination}} {{.RW}} {{end}}{{json .Config.Env}}'
  const inspected = await swarm.docker('inspect', '--format', format, ofTask()?.container.id ?? '')
  expect(inspected).toMatch(new RegExp(`^${512 * 2 ** 20} `))
  for (const part of [
    '/var/run/docker.sock false',
    '/state true',
    'CFMR_OUTPUT=influxdb',
    `CFMR_INFLUXDB_ADDR=${env.CFMR_INFLUXDB_ADDR}`,
  ]) {
    expect(inspected).toContain(part)
  }
  await swarm.docker('stack', 'rm', 'refinery')
  await worker.stop()
})

it('systemd finds no mistake in the unit, which keeps its positions where the unit lets it write', async ({ skip }) => {
  const isThere = await run('systemd-analyze', ['--version']).catch(() => undefined)
  if (isThere === undefined) {
    console.log('systemd-analyze is not there: the unit is not verified')
    return skip('no systemd-analyze')
  }
  const mistakesIn = async (unit: string) => {
    const path = join(scratchFolder('unit'), 'cf-metrics-refinery.service')
    // The command has to be there.
    writeFileSync(path, unit.replace('/usr/bin/node', process.execPath))
    const { stderr } = await run('systemd-analyze', ['verify', '--man=no', path])
    return stderr.split('\n').filter((line) => line.startsWith(path))
  }
  const unit = deploy('cf-metrics-refinery.service')
  expect(await mistakesIn(unit)).toEqual([])
  expect(await mistakesIn(unit.replace('MemoryMax=', 'MemoryMost='))).toEqual([expect.stringContaining('MemoryMost')])
  expect(unit).toMatch(/CFMR_STATE=\/var\/lib\/cf-metrics-refinery\n[\s\S]*StateDirectory=cf-metrics-refinery\n/)
})

it('the DaemonSet is one by the types of Kubernetes, selects its own pods, and mounts the socket and the positions', async () => {
  const text = deploy('daemonset.yaml')
  expect(await daemonSetMistakes(text)).toBe('')
  expect(await daemonSetMistakes(text.replace('periodSeconds: 15', 'periodSecond: 15'))).toMatch(/unknown field "periodSecond"/)
  const { spec } = parse(text)
  expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels)
  const { containers, volumes } = spec.template.spec
  const names = volumes.map(({ name }: { name: string }) => name)
  expect(containers[0].volumeMounts.map(({ name }: { name: string }) => name)).toEqual(names)
  expect(containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(['/var/run/docker.sock', '/state'])
}, 600_000)
