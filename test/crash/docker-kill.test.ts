import { afterAll, beforeAll, expect, it } from 'vitest'
import { Random } from '../../dev/drill/random.ts'
import { type OpenSearchServer, startOpenSearch } from '../../dev/opensearch.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { type ContainerDocument, RealDockerScene } from '../support/docker-scene.ts'

const KILLS = 50
const CONTAINERS = 16
const LINES = 800
const LONG_LINES = 60

let scene: RealDockerScene
let server: OpenSearchServer

beforeAll(async () => {
  const ids = { 'indices.id_field_data.enabled': 'true' }
  ;[scene, server] = await Promise.all([RealDockerScene.open(), startOpenSearch(ids)])
})

afterAll(() => Promise.all([scene?.close(), server?.close()]))

/** Numbered lines on both streams, five of each at a time. */
const both = (lines: number) =>
  `n=0; while [ $n -lt ${lines} ]; do i=0; while [ $i -lt 5 ]; do i=$((i+1)); n=$((n+1)); echo "$n"; echo "$n" >&2; done; sleep 0.4; done; echo end`
/** Numbered lines of 100 KB. */
const long = (lines: number) =>
  `x=$(head -c 100000 /dev/zero | tr '\\0' 'x'); n=0; while [ $n -lt ${lines} ]; do n=$((n+1)); echo "$n $x"; sleep 1; done; echo end`

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1))

/** What is stored of one container's log: its lines by stream, their numbers in order and `end` behind them, whatever the order in which they came. */
class Stored {
  readonly #lines = new Map<string, string[]>()
  readonly total: number

  /** By their id, which must be that of the event. */
  constructor(documents: ReadonlyMap<string, Record<string, unknown>>) {
    this.total = documents.size
    for (const [id, source] of documents) {
      const { event, container, log, message = '' } = source as unknown as ContainerDocument
      if (event.id !== id) throw new Error(`the document ${id} is of the event ${event.id}`)
      for (const key of [container.id, container.name].flatMap((name) => [name, `${name} ${log?.iostream}`]))
        this.#lines.set(key, [...(this.#lines.get(key) ?? []), message])
    }
  }

  of(container: string, stream?: 'stdout' | 'stderr'): readonly string[] {
    const lines = this.#lines.get(stream === undefined ? container : `${container} ${stream}`) ?? []
    return lines.toSorted((a, b) => (Number.parseInt(a, 10) || LINES + 1) - (Number.parseInt(b, 10) || LINES + 1))
  }
}

const ELASTICSEARCH = { CFMR_OUTPUT: 'elasticsearch', CFMR_STDOUT_FORMAT: undefined }
const work = () => scene.work({ ...ELASTICSEARCH, CFMR_ELASTICSEARCH_URL: server.url })

it(`kill -9 of the worker ${KILLS} times while containers write: every line is one document in OpenSearch, and no document is anything else`, async () => {
  const plain = Array.from({ length: CONTAINERS }, (_, index) => `plain-${index}`)
  const start = (name: string, script: string, ...options: string[]) => scene.engine.start(script, ['--name', name, ...options])
  await Promise.all([
    ...plain.map((name) => start(name, both(LINES))),
    start('terminal', both(LINES), '--tty'),
    start('long', long(LONG_LINES)),
    start('rotated', both(LINES), '--log-opt', 'max-size=20k', '--log-opt', 'max-file=50'),
    start('local', both(LINES), '--log-driver', 'local'),
  ])
  const random = new Random(20_261_127)
  const short: string[] = []
  const removed: string[] = []
  let repeated = 0
  for (let kills = 0; kills < KILLS; kills++) {
    const worker = await work()
    if (kills % 5 === 0) short.push(await scene.engine.start('echo a; echo b >&2; exit 3'))
    if (kills % 10 === 0) removed.push(await scene.engine.start(both(40), ['--rm']))
    if (kills % 5 === 0)
      await worker.waitUntil('it writes', async () => ((await worker.stats()).outputs['elasticsearch']?.records ?? 0) > 0)
    await sleep(500 * random.next())
    repeated += (await worker.stats()).outputs['elasticsearch']?.repeated ?? 0
    expect(await worker.kill()).toEqual({ code: undefined, signal: 'SIGKILL' })
  }
  const last = await work()
  await last.ready()
  const lastRemoved = await scene.engine.start(both(40), ['--rm'])
  const expected = (CONTAINERS + 3) * (2 * LINES + 1) + LONG_LINES + 1 + 2 * short.length + 2 * 40 + 1
  const count = async () => {
    await server.ask('POST', '/cf-log-*/_refresh')
    return ((await server.ask('GET', '/cf-log-*/_count')).body as { readonly count: number }).count
  }
  await last.waitUntil('every container has ended', async () => (await scene.engine.docker('ps', '--quiet')) === '', {
    timeoutMs: 120_000,
    everyMs: 500,
  })
  await last.waitUntil('every line is stored', async () => (await count()) >= expected && (await last.stats()).ledger.in_flight === 0, {
    everyMs: 500,
  })
  const { ledger, inputs } = await last.stats()
  expect(ledger).toMatchObject({ residue: 0, in_flight: 0, dropped: 0, refused: 0 })
  expect(inputs['docker']).toMatchObject({ gaps: { rotated: 0, driver: 0, removed: 0, damaged: 0 } })
  expect(await last.stop()).toEqual({ code: 0, signal: undefined })

  const stored = new Stored(await server.documents('cf-log-*'))
  for (const name of [...plain, 'rotated', 'local', lastRemoved]) {
    const lines = numbers(name === lastRemoved ? 40 : LINES)
    expect(stored.of(name, 'stdout'), name).toEqual([...lines, 'end'])
    expect(stored.of(name, 'stderr'), name).toEqual(lines)
  }
  expect(stored.of('terminal')).toEqual([...numbers(LINES).flatMap((number) => [number, number]), 'end'])
  const lines = stored.of('long')
  expect(lines.map((line) => line.split(' ')[0])).toEqual([...numbers(LONG_LINES), 'end'])
  expect(lines.slice(0, -1).every((line) => line.replace(/^\d+ /, '') === 'x'.repeat(100_000))).toBe(true)
  for (const id of short) expect(stored.of(id).toSorted()).toEqual(['a', 'b'])
  // With each the engine has removed its log: what nobody had read until then is gone, but nothing before that.
  let ofRemoved = 0
  for (const id of removed) {
    const [stdout, stderr] = [stored.of(id, 'stdout'), stored.of(id, 'stderr')]
    expect([...numbers(40), 'end'].slice(0, stdout.length), id).toEqual(stdout)
    expect(numbers(40).slice(0, stderr.length), id).toEqual(stderr)
    ofRemoved += stdout.length + stderr.length
  }
  expect(stored.total).toBe(expected + ofRemoved)
  expect(repeated, 'documents that were stored, and not settled when the worker was killed').toBeGreaterThan(0)
})
