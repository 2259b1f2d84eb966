import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FakeEngine, startFakeEngine } from '../../dev/docker/fake-engine.ts'
import { Load } from '../../dev/load/load.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { GatewayFake } from '../../dev/loggregator/gateway.ts'
import { Numbered, NumberedFlow } from '../../dev/loggregator/numbered.ts'
import { type PrometheusServer, promtool, startPrometheus } from '../../dev/prometheus.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { WorkerProcess } from '../../dev/worker-process.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { ALL, type Choice, expand, joinForPromQl, panelsOf, readBoard } from '../support/grafana.ts'
import { Installation } from '../support/installation.ts'
import { shared } from '../support/shared.ts'

const deployed = (name: string) => fileURLToPath(new URL(`../../deploy/prometheus/${name}`, import.meta.url))
const alertsFile = deployed('alerts.yml')

test('promtool finds no mistake in the alert rules and in the example of a configuration', async () => {
  expect(await promtool('check', 'rules', '--lint-fatal', alertsFile)).toContain('SUCCESS')
  expect(await promtool('check', 'config', '--lint-fatal', deployed('scrape.example.yml'))).toContain('SUCCESS')
})

test('each alert rises when it should, and none while all is well', async () => {
  expect(await promtool('test', 'rules', deployed('alerts.test.yml'))).toContain('SUCCESS')
})

interface Alert {
  readonly name: string
  readonly query: string
  readonly health: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly alerts: readonly { readonly state: 'pending' | 'firing' }[]
}

let site: Installation
let load: Load
let worker: WorkerProcess
let prometheus: PrometheusServer
let gateway: GatewayFake
let flow: NumberedFlow
let engine: FakeEngine

beforeAll(async () => {
  const [installation] = await Promise.all([Installation.open(), shared('program')])
  site = installation
  const topic = await site.kafka.topic({ partitions: 2 })
  load = new Load({ kafka: site.kafka.client, topics: [{ topic, partitions: 2 }], mix: loadMix(), perSecond: 400 })
  gateway = await GatewayFake.start({ authorize: () => true })
  const numbered = new Numbered()
  flow = new NumberedFlow({ numbered, publish: (...envelopes) => gateway.publish(...envelopes), perSecond: 50 })
  const web = { id: 'ab'.repeat(32), name: 'web', isRunning: true, startedAt: '2026-01-01T00:00:00Z', logs: [() => {}] }
  engine = await startFakeEngine({ containers: [web] })
  const firehose = { CFMR_FIREHOSE_URL: gateway.url, CFMR_CF_TOKEN: 'a-token-for-the-gateway' }
  const inputs = { CFMR_INPUT: 'kafka,firehose,docker', ...firehose, CFMR_DOCKER_HOST: engine.host, CFMR_STATE: scratchFolder('state') }
  worker = await WorkerProcess.start({ env: site.env({ CFMR_KAFKA_TOPICS: topic, ...inputs }) })
  await worker.ready()
  prometheus = await startPrometheus({ targets: [new URL(worker.url).host], ruleFiles: [alertsFile] })
})

afterAll(async () => {
  await prometheus?.close()
  await load?.stop()
  await worker?.kill()
  await flow?.stop()
  await gateway?.close()
  await engine?.close()
  await site?.close()
})

const board = readBoard('worker')
const variables = board.templating.list
const macros = { __rate_interval: '10s', __interval: '1s', __range: '30s' }

/** What the variable's `label_values(SERIES, LABEL)` has, as Grafana asks for it. */
async function offered(name: string, choice: Choice): Promise<string[]> {
  const { query } = variables.find((variable) => variable.name === name) ?? { query: '' }
  const text = typeof query === 'string' ? query : query.query
  const [, series = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? []
  return (await prometheus.api(`label/${label}/values`, {
    'match[]': expand(series, macros, variables, choice, joinForPromQl),
  })) as string[]
}

/** Values that are numbers, of the last seconds. */
async function valuesOf(expr: string, choice: Choice): Promise<number[]> {
  const end = Date.now() / 1000
  const query = expand(expr, macros, variables, choice, joinForPromQl)
  const { result } = (await prometheus.api('query_range', { query, start: end - 10, end, step: 1 })) as {
    result: readonly { readonly values: readonly (readonly [number, string])[] }[]
  }
  return result.flatMap(({ values }) => values.map(([, value]) => Number(value))).filter((value) => Number.isFinite(value))
}

async function emptyQueries(choice: Choice): Promise<string[]> {
  const queries = panelsOf(board).flatMap(({ title, targets = [] }) => targets.map(({ expr = '' }) => ({ title, expr })))
  expect(queries.length).toBeGreaterThan(40)
  const empty: string[] = []
  for (const { title, expr } of queries) if ((await valuesOf(expr, choice)).length === 0) empty.push(`${title}: ${expr}`)
  return empty
}

test("every query of the worker's board returns rows, for all instances and for those chosen", async () => {
  const all = { job: ALL, instance: ALL, topic: ALL }
  // A rate needs several scrapes.
  const deadlineMs = Date.now() + 30_000
  let empty = await emptyQueries(all)
  for (; empty.length > 0 && Date.now() < deadlineMs; empty = await emptyQueries(all)) await sleep(1000)
  expect(empty).toEqual([])
  const job = await offered('job', all)
  const instance = await offered('instance', { ...all, job })
  const topic = await offered('topic', { ...all, job, instance })
  expect({ job, instance, topic }).toEqual({
    job: ['cf-metrics-refinery'],
    instance: [new URL(worker.url).host],
    topic: [expect.any(String)],
  })
  expect(await emptyQueries({ job, instance, topic })).toEqual([])
  // Rows alone could be rows of zeros.
  for (const title of ['Envelopes read', 'Points stored']) {
    const [target] = panelsOf(board).find((panel) => panel.title === title)?.targets ?? []
    expect(Math.max(...(await valuesOf(target?.expr ?? '', all))), title).toBeGreaterThan(0)
  }
})

test('every alert is of figures that a worker has, is quiet while it works, and tells a person what to do', async () => {
  const { groups } = (await prometheus.api('rules')) as { groups: readonly { readonly rules: readonly Alert[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  expect(rules.length).toBeGreaterThan(15)
  // Of some there is no sample without an input that this worker does not have.
  const declared = [...(await worker.get('/metrics')).body.matchAll(/^# TYPE (\w+)/gm)].map(([, metric]) => metric)
  const known = [...((await prometheus.api('label/__name__/values')) as string[]), ...declared]
  for (const { name, query, health, labels, annotations, alerts } of rules) {
    expect(known, name).toEqual(expect.arrayContaining(query.match(/\b(cfmr|nodejs|process)_\w+/g) ?? []))
    // A machine that is too busy for a moment makes some of them pending.
    expect({ health, firing: alerts.filter(({ state }) => state === 'firing') }, name).toEqual({ health: 'ok', firing: [] })
    expect(labels['severity'], name).toMatch(/^(warning|critical)$/)
    expect(annotations['summary']?.length, name).toBeGreaterThan(30)
    expect(annotations['description']?.length, name).toBeGreaterThan(100)
  }
})

test('a worker that is killed is reported as down', async () => {
  await worker.kill()
  await waitUntil('the alert waits to be raised', async () => {
    const { alerts } = (await prometheus.api('alerts')) as { alerts: readonly { readonly labels: Readonly<Record<string, string>> }[] }
    return alerts.some(({ labels }) => labels['alertname'] === 'CfmrDown')
  })
})
