import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { applications } from '../../dev/boards/applications.ts'
import { boardJson } from '../../dev/boards/board.ts'
import { worker } from '../../dev/boards/worker.ts'
import { type InfluxQl, influxQl } from '../../dev/influxql.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { type ContainerOwner, writeContainers } from '../support/container-points.ts'
import { ALL, boardFile, type Choice, expand, joinForInfluxQl, panelsOf, readBoard } from '../support/grafana.ts'
import { grafanaSchema } from '../support/grafana-schema.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { sampleAppsApi } from '../support/worker.ts'

let checkFor: ReturnType<typeof grafanaSchema>
beforeAll(() => {
  checkFor = grafanaSchema()
})

function expectType(type: string, value: unknown, title: string): void {
  const check = checkFor(type)
  check(value)
  expect(check.errors ?? [], title).toEqual([])
}

describe.each(Object.entries({ applications, worker }))('the board %s', (name, source) => {
  const board = readBoard(name)

  test('is what `npm run boards` makes of dev/boards', () => {
    expect(readFileSync(boardFile(name), 'utf8')).toBe(`${JSON.stringify(boardJson(source), undefined, 2)}\n`)
  })

  test("is of the type that Grafana publishes, its panels' options too", () => {
    expectType('Dashboard', board, name)
    for (const { title, type, options, fieldConfig } of panelsOf(board)) {
      const Type = type[0]?.toUpperCase() + type.slice(1)
      expectType(`${Type}Options`, options, title)
      const custom = fieldConfig?.defaults.custom
      if (custom !== undefined) expectType(`${Type}FieldConfig`, custom, title)
    }
  })

  test('has panels with ids of their own that do not overlap', () => {
    const panels = [...board.panels, ...board.panels.flatMap((row) => row.panels ?? [])]
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
  })
})

describe("the board of the applications, over a replay's points in InfluxDB", () => {
  const board = readBoard('applications')
  const variables = board.templating.list
  const database = uniqueName('boards')
  const firstMs = 1_700_000_000_000
  const stepMs = 50
  const count = 4000
  const macros = {
    timeFilter: `time >= ${firstMs}ms AND time <= ${firstMs + count * stepMs}ms`,
    __interval: '10s',
    __interval_ms: '10000',
  }
  let influxDb: InfluxQl

  beforeAll(async () => {
    const [{ url }, { path }] = await Promise.all([shared('influxdb'), shared('program')])
    influxDb = influxQl({ url })
    await influxDb.query(`CREATE DATABASE "${database}"`)
    const file = join(scratchFolder('boards'), 'envelopes.ndjson')
    const mix = loadMix({ firstTimestampNs: BigInt(firstMs) * 1_000_000n, stepNs: BigInt(stepMs) * 1_000_000n })
    const envelopes = Array.from({ length: count }, (_, number) => mix.envelope(number).toString())
    // A connection that ended before its answer has no status.
    const request = envelopes.findIndex((envelope) => envelope.includes('"statusCode":200'))
    envelopes[request] = (envelopes[request] as string).replace('"statusCode":200', '"statusCode":0')
    writeFileSync(file, envelopes.join('\n'))
    const env = { PATH: process.env['PATH'], CFMR_CF_API: sampleAppsApi, CFMR_INFLUXDB_ADDR: url, CFMR_INFLUXDB_DATABASE: database }
    await promisify(execFile)(process.execPath, [path, 'replay', file], { env })
    // Of an app that has requests, too: those are what the variables are asked of here.
    const [owner] = await influxDb.query(
      `SELECT "count", "org", "space", "app" FROM "http_request" WHERE "space" = 'dev' LIMIT 1`,
      database,
    )
    await writeContainers({ url, database, firstMs, influxDb, owner: owner as unknown as ContainerOwner })
  })

  const ask = (query: string, choice: Choice) => influxDb.query(expand(query, macros, variables, choice, joinForInfluxQl), database)

  /** The values a variable offers after those to its left were chosen; the first column named value or name, as Grafana takes them. */
  const offered = async (name: string, choice: Choice) => {
    const { query } = variables.find((variable) => variable.name === name) ?? { query: '' }
    const rows = await ask(query as string, choice)
    return [...new Set(rows.map((row) => String(row['value'] ?? row['name'])))]
  }

  const expectRows = async (choice: Choice) => {
    const empty: string[] = []
    let asked = 0
    for (const { title, targets = [] } of panelsOf(board)) {
      for (const { query = '' } of targets) {
        asked++
        const rows = await ask(query, choice)
        const hasValue = rows.some((row) => Object.entries(row).some(([column, value]) => column !== 'time' && typeof value === 'number'))
        if (!hasValue) empty.push(`${title}: ${query}`)
      }
    }
    expect(asked).toBeGreaterThan(40)
    expect(empty).toEqual([])
  }

  test.each(['org', 'space', 'app'])('every query returns rows for all apps, compared by %s', async (by) => {
    const [rp = ''] = await offered('rp', {})
    await expectRows({ rp, by, org: ALL, space: ALL, app: ALL })
  })

  test('orgs, spaces and apps are offered one after the other, and every query returns rows for those chosen', async () => {
    const all = { rp: 'autogen', by: 'app', org: ALL, space: ALL, app: ALL }
    const orgs = await offered('org', all)
    expect(orgs.length).toBeGreaterThan(5)
    const org = orgs.slice(0, -1)
    const spaces = await offered('space', { ...all, org })
    const space = spaces.slice(0, 2)
    const apps = await offered('app', { ...all, org, space })
    expect(apps.length).toBeGreaterThan(2)
    expect(apps.length).toBeLessThan((await offered('app', all)).length)
    await expectRows({ ...all, org, space, app: apps })
  })

  test('a request, its answer and a class of status are counted once', async () => {
    const stored = await influxDb.count(database, 'http_request', 'count')
    const choice = { rp: 'autogen', by: 'org', org: ALL, space: ALL, app: ALL }
    const classes = panelsOf(board).find(({ title }) => title === 'Requests by class of status')?.targets ?? []
    const sums = await Promise.all(
      classes.map(async ({ query = '' }) => (await ask(query, choice)).reduce((sum, row) => sum + Number(row['sum']), 0)),
    )
    expect(sums).toHaveLength(5)
    expect(sums.reduce((sum, each) => sum + each * 10, 0)).toBeCloseTo(stored)
  })
})
