import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { type CloudControllerFake, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { freePorts } from '../../dev/free-port.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { nodeRelease } from '../../dev/node-release.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { Installation } from '../support/installation.ts'
import { copyPushed, manifestApp, pushedNames } from '../support/manifest.ts'
import { memoryLimit } from '../support/memory-limit.ts'
import { shared } from '../support/shared.ts'
import { startWorker } from '../support/worker.ts'

const NODES = [22, 24] as const
const PARTITIONS = 4
/** The platform sends SIGKILL so long after SIGTERM. */
const KILL_AFTER_MS = 10_000

const { command, services, 'health-check-http-endpoint': healthPath } = manifestApp()
const mix = loadMix()
let site: Installation
let cloudController: CloudControllerFake
/** What was pushed, with its packages. */
let droplet: string

beforeAll(async () => {
  await shared('program')
  const staging = stage()
  site = await Installation.open()
  cloudController = await startCloudController({ apps: mix.apps })
  droplet = await staging
})
afterAll(async () => {
  await site?.close()
  await cloudController?.close()
})

/** What Cloud Foundry's buildpack for Node does: it never builds, and installs without development dependencies. */
async function stage(): Promise<string> {
  const folder = scratchFolder('droplet')
  copyPushed(folder)
  const outer = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(name))
  const env = { ...Object.fromEntries(outer), PATH: await pathWith(NODES[0]), NODE_ENV: 'production' }
  await promisify(execFile)('npm', ['install', '--prefer-offline'], { cwd: folder, env })
  return folder
}

async function pathWith(node: (typeof NODES)[number]): Promise<string> {
  return [await nodeRelease(node), process.env['PATH']].join(delimiter)
}

/** The manifest's command as the platform starts it, in a container of 256 MB where the kernel lets us have one. */
async function startDroplet(node: (typeof NODES)[number], topic: string): Promise<WorkerProcess> {
  const [port = 0] = await freePorts(1)
  const credentials = site.env({
    CFMR_KAFKA_TOPICS: topic,
    CFMR_CF_API: cloudController.url,
    CFMR_CF_USER: 'admin',
    CFMR_CF_PASSWORD: 'admin',
    CFMR_BATCHER_FLUSHINTERVAL: '1m',
  })
  const path = await pathWith(node)
  const limit = memoryLimit(256 * 1024 * 1024)
  onTestFinished(() => {
    expect(limit.kills()).toBe(0)
    limit.remove()
  })
  return startWorker({
    env: {
      PORT: port,
      MEMORY_LIMIT: '256m',
      CF_INSTANCE_INDEX: 1,
      NODE_ENV: 'production',
      VCAP_APPLICATION: JSON.stringify({ application_name: 'cf-metrics-refinery', uris: ['refinery.apps.example.org'] }),
      VCAP_SERVICES: JSON.stringify({ 'user-provided': [{ name: services[0], credentials }] }),
      // Where to look; the program itself shall take PORT.
      CFMR_SERVER_PORT: port,
    },
    wrap: () => limit.wrap(['env', '-C', droplet, '-u', 'CFMR_SERVER_PORT', `PATH=${path}`, 'sh', '-c', command]),
  })
}

it('what is pushed is the program and what says which packages it needs, and those are all that is installed', () => {
  expect(pushedNames().sort()).toEqual(['dist', 'package-lock.json', 'package.json'])
  expect(readdirSync(droplet).sort()).toEqual(['dist', 'node_modules', 'package-lock.json', 'package.json'])
  expect(existsSync(join(droplet, 'node_modules', 'kafkajs'))).toBe(true)
  expect(existsSync(join(droplet, 'node_modules', 'vitest'))).toBe(false)
})

it('started by the manifest on Node 22, ended under load before the platform kills, gone on with on Node 24: nothing is lost or repeated', async () => {
  const topic = await site.kafka.topic({ partitions: PARTITIONS })
  const load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: PARTITIONS }], mix, perSecond: 2000 })
  onTestFinished(() => load.stop())
  let consumed = 0
  for (const node of NODES) {
    const worker = await startDroplet(node, topic)
    await worker.ready()
    expect((await worker.get(String(healthPath))).status).toBe(200)
    expect((await worker.logged(/starts/))['node']).toMatch(new RegExp(`^v${node}\\.`))
    await worker.logged(/^CFMR_SERVER_PASSWORD is not set.*refinery\.apps\.example\.org/)
    // The process that gets SIGTERM is node itself, with a heap that leaves room for what lives outside of it.
    expect(readFileSync(`/proc/${worker.pid}/cmdline`, 'utf8').split('\0').slice(0, 5)).toEqual([
      'node',
      '--max-old-space-size=96',
      '--max-semi-space-size=16',
      '--no-concurrent-recompilation',
      'dist/main.js',
    ])
    await worker.waitUntil('a batch is written', async () => (await worker.stats()).ledger.written > 5000)
    expect((await worker.stats()).instance_index).toBe(1)
    if (node === NODES.at(-1)) {
      await load.stop()
      await worker.waitUntil('all that was sent is read', async () => consumed + (await worker.stats()).ledger.consumed === load.sentCount)
    }
    expect(await worker.stop(KILL_AFTER_MS)).toEqual({ code: 0, signal: undefined })
    consumed += lastConsumed(worker)
  }
  expect(consumed).toBe(load.sentCount)
  expect(await site.kafka.lag(site.group, topic)).toBe(0)
  const { discarded: _, ...points } = load.sent
  expect(await site.stored()).toEqual(points)
})

/** The figures go to the log once more at the end. */
function lastConsumed(worker: WorkerProcess): number {
  const last = worker.log.findLast(({ stats }) => stats !== undefined)?.['stats'] as { readonly ledger: { readonly consumed: number } }
  return last.ledger.consumed
}
