import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { type CloudControllerFake, startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { dyingWithUs } from '../../dev/dying-with-us.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { blockWith } from '../support/documents.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { Installation } from '../support/installation.ts'
import { kafkaTools, startZooKeeper } from '../support/kafka-tools.ts'
import { shared, uniqueName } from '../support/shared.ts'

/** In every block here, what people have to put their own in place of. */
type Own = Readonly<Record<string, string>>

const TOPICS = ['log-message', 'http-start-stop', 'container-metric'] as const
const root = fileURLToPath(new URL('../..', import.meta.url))
const mix = loadMix({ firstTimestampNs: BigInt(Date.parse('2026-11-21T10:00:00Z')) * 1_000_000n })
const [{ app_guid: guid = '' } = {}] = mix.apps
let site: Installation
let cloudController: CloudControllerFake
let tools: string

beforeAll(async () => {
  const [program, openSite] = [shared('program'), Installation.open()]
  tools = await kafkaTools()
  cloudController = await startCloudController({ apps: mix.apps })
  site = await openSite
  await program
})
afterAll(async () => {
  await site?.close()
  await cloudController?.close()
})

interface Running {
  readonly output: Promise<string>
  readonly ended: Promise<number | null>
  /** To all that it has started, as Ctrl-C in a terminal. */
  stop(): void
}

/** A shell that reads the block, with one's own names in it. It is built already. */
function start(block: string, own: Own, { cwd = root, env = {} as Readonly<Record<string, unknown>> } = {}): Running {
  const script = Object.entries(own).reduce(
    (all, [theirs, ours]) => {
      expect(all).toContain(theirs)
      return all.replaceAll(theirs, ours)
    },
    block.replace('npm run build\n', ''),
  )
  const inherited = Object.entries(process.env).filter(([name]) => !/^(CFMR_|VCAP_|PORT$)/.test(name))
  const [command, ...args] = dyingWithUs(['sh', '-e', '-c', script])
  const child = spawn(command, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...Object.fromEntries(inherited), CFMR_SERVER_PORT: '0', PATH: [tools, process.env['PATH']].join(delimiter), ...strings(env) },
  })
  const stop = () => void (child.exitCode === null && child.signalCode === null && process.kill(-(child.pid ?? 0), 'SIGTERM'))
  onTestFinished(stop)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { output: text(child.stdout), ended, stop }
}

const strings = (env: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))

/** What it printed; it has to end well. */
async function run(...args: Parameters<typeof start>): Promise<string> {
  const { output, ended } = start(...args)
  const [printed, status] = await Promise.all([output, ended])
  expect(status, printed).toBe(0)
  return printed
}

const isRead = (group: string, topics: readonly string[]) =>
  waitUntil(`all of ${topics} is committed`, async () => {
    const lags = await Promise.all(topics.map((topic) => site.kafka.lag(group, topic)))
    return lags.every((lag) => lag === 0)
  })

it('README: a sample of envelopes becomes points on stdout', async () => {
  const lines = (await run(blockWith('README.md', 'main.js replay'), {})).trimEnd().split('\n')
  expect(lines.length).toBeGreaterThan(1000)
  for (const line of lines) expect(line).toMatch(/^(http_request|log|instance),/)
})

it('docs/outputs/stdout.md: the same sample becomes documents', async () => {
  const lines = (await run(blockWith('docs/outputs/stdout.md', 'main.js replay'), {})).trimEnd().split('\n')
  expect(lines.length).toBeGreaterThan(1000)
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ '@timestamp': expect.any(String), event: { id: expect.any(String) } })
})

it('README: the demo, which sends for some seconds, ends by itself and misses nothing', async () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { scripts: { demo: string } }
  // What comes before that sets up and builds, which is done.
  const [demo = ''] = scripts.demo.split(' && ').slice(-1)
  expect(await run(`${demo} --seconds 3 2>&1`, {})).toMatch(/[1-9]\d* envelopes sent, .*: nothing is missing$/m)
})

it('README: checked, started, and the queries of docs/migrating.md find what was sent', async () => {
  const topics = await Promise.all(TOPICS.map(() => site.kafka.topic()))
  const sent = { http_request: 0, log: 0, instance: 0, discarded: 0 }
  for (const [index, topic] of topics.entries()) {
    const numbers = Array.from({ length: 100 }, (_, i) => index * 100 + i)
    await site.kafka.produce(topic, numbers.map(mix.envelope))
    for (const number of numbers) sent[mix.kind(number)]++
  }
  const group = uniqueName('group')
  const worker = start(blockWith('README.md', 'export CFMR_KAFKA_BROKERS'), {
    ...ownTopics(topics),
    'kafka.example.org:9092': String(site.kafka.brokers),
    'CONSUMERGROUP=refinery': `CONSUMERGROUP=${group}`,
    'https://api.example.org': cloudController.url,
    'CFMR_CF_CLIENTID=refinery CFMR_CF_CLIENTSECRET=…': 'CFMR_CF_CLIENTID=refinery CFMR_CF_CLIENTSECRET=refinery-secret',
    'http://influxdb.example.org:8086': (await shared('influxdb')).url,
    'CFMR_INFLUXDB_DATABASE=cf': `CFMR_INFLUXDB_DATABASE=${site.database}`,
    'npm start': 'echo checked; npm start',
  })
  await isRead(group, topics)
  worker.stop()
  expect(await worker.output).toContain('checked')

  const queries = blockWith('docs/migrating.md', 'FROM "http_request"').trimEnd().split('\n')
  const answers = await Promise.all(queries.map((query) => site.influxDb.query(query, site.database)))
  expect(answers.map(([row]) => row?.['count'] ?? row?.['count_cpu'])).toEqual([
    sent.http_request,
    sent.log,
    sent.instance,
    expect.any(Number),
  ])
})

function ownTopics(topics: readonly string[]): Own {
  return Object.fromEntries(TOPICS.map((theirs, index) => [theirs, topics[index] ?? '']))
}

it('README and docs/operating.md: dead letters are shown with their reason, and read in again', async () => {
  const topic = await site.kafka.topic()
  await site.kafka.produce(topic, logEnvelopes(guid, 0, 10), { headers: { 'cfmr-reason': 'refused' } })
  const own = { 'kafka.example.org:9092': String(site.kafka.brokers), 'refinery-dead-letters': topic }
  expect(await run(blockWith('docs/operating.md', 'kafka-console-consumer.sh'), own)).toMatch(/cfmr-reason:refused.*"logMessage"/)

  const group = uniqueName('group')
  const worker = start(
    blockWith('README.md', 'CFMR_KAFKA_TOPICS=dead-letters'),
    { 'TOPICS=dead-letters': `TOPICS=${topic}`, 'refinery-again': group },
    { env: site.env({ CFMR_KAFKA_DEADLETTERTOPIC: 'elsewhere' }) },
  )
  await isRead(group, [topic])
  worker.stop()
  const log = await worker.output
  expect(log).toContain('Ending')
  expect(log).not.toContain('ERROR')
})

it("docs/migrating.md: the original's offsets are carried over from ZooKeeper, and the worker goes on exactly there", async () => {
  const topics = await Promise.all(TOPICS.map((_, index) => site.kafka.topic({ partitions: index === 0 ? 2 : 1 })))
  const [first = ''] = topics
  await Promise.all(topics.map((topic) => site.kafka.produce(topic, logEnvelopes(guid, 0, 20))))
  await site.kafka.produce(first, logEnvelopes(guid, 20, 40), { partition: 1 })
  const zooKeeper = await startZooKeeper()
  const group = uniqueName('group')
  try {
    const own = { ...ownTopics(topics), 'zookeeper.example.org:2181': zooKeeper.address, '/refinery/': `/${group}/` }
    const offsets = [...topics.map((topic, index) => `${topic}/0 ${5 + index}`), `${first}/1 13`]
    const folders = [
      '/consumers',
      ...[...new Set(['', '/offsets', ...topics.map((topic) => `/offsets/${topic}`)])].map((path) => `/consumers/${group}${path}`),
    ]
    const creates = [...folders.map((path) => `create ${path} x`), ...offsets.map((entry) => `create /consumers/${group}/offsets/${entry}`)]
    await run(`zookeeper-shell.sh zookeeper.example.org:2181 << 'END' 2> /dev/null\n${creates.join('\n')}\nquit\nEND\n`, {
      'zookeeper.example.org:2181': zooKeeper.address,
    })
    await run(
      blockWith('docs/migrating.md', '--from-file'),
      { ...own, 'kafka.example.org:9092': String(site.kafka.brokers), '--group refinery': `--group ${group}` },
      { cwd: scratchFolder('offsets') },
    )
  } finally {
    await zooKeeper.close()
  }
  expect(await Promise.all(topics.map((topic) => site.kafka.committed(group, topic)))).toEqual([[5, 13], [6], [7]])
  const worker = await site.start({ CFMR_KAFKA_TOPICS: topics.join(), CFMR_KAFKA_CONSUMERGROUP: group })
  await isRead(group, topics)
  expect((await worker.stats()).ledger.consumed).toBe(15 + 7 + 14 + 13)
})

it('docs/migrating.md: a group is set to a time, which is in UTC', async () => {
  const topics = await Promise.all(TOPICS.map(() => site.kafka.topic()))
  await Promise.all(topics.map((topic) => site.kafka.produce(topic, logEnvelopes(guid, 0, 3))))
  const between = await waitUntil('the clock has moved on', laterThan(Date.now()))
  await waitUntil('the clock has moved on', laterThan(between))
  await Promise.all(topics.map((topic) => site.kafka.produce(topic, logEnvelopes(guid, 3, 5))))
  const group = uniqueName('group')
  await run(
    blockWith('docs/migrating.md', '--to-datetime'),
    {
      ...ownTopics(topics),
      'kafka.example.org:9092': String(site.kafka.brokers),
      '--group refinery': `--group ${group}`,
      '2026-11-21T10:00:00.000': new Date(between).toISOString().replace('Z', ''),
    },
    { env: { TZ: 'Asia/Tokyo' } },
  )
  expect(await Promise.all(topics.map((topic) => site.kafka.committed(group, topic)))).toEqual([[3], [3], [3]])
})

const laterThan = (ms: number) => () => {
  const nowMs = Date.now()
  return nowMs > ms && nowMs
}
