import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type InfluxDbServer, startInfluxDb } from '../../dev/influxdb.ts'
import { startVictoriaMetrics } from '../../dev/victoria-metrics.ts'
import type { RefusedRecord } from '../../src/flow/contracts.ts'
import { escapeTagValue } from '../../src/lib/tag-value.ts'
import { InfluxDb, type InfluxDbOptions } from '../../src/outputs/influxdb/influxdb.ts'
import { linesOf } from '../fakes/lines.ts'
import { uniqueName } from '../support/shared.ts'

const admin = { username: 'root', password: 'root-secret' }
const never = new AbortController().signal
const nowNs = BigInt(Date.now()) * 1_000_000n
const open: InfluxDb[] = []

let server: InfluxDbServer
/** Asks for a login, and takes small bodies only. */
let strict: InfluxDbServer

beforeAll(async () => {
  server = await startInfluxDb({ config: { data: { 'max-values-per-tag': 100 } } })
  strict = await startInfluxDb({ admin, databases: ['cf'], config: { http: { 'max-body-size': 20_000 } } })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((output) => output.close()))
})
afterAll(async () => {
  await server?.close()
  await strict?.close()
})

function influxDb(options: Partial<InfluxDbOptions> = {}): InfluxDb {
  const output = new InfluxDb({
    url: server.url,
    timeoutMs: 20_000,
    pingTimeoutMs: 1000,
    startTimeoutMs: 5000,
    skipSslValidation: false,
    gzip: false,
    maxWrites: 2,
    flushRetries: 1,
    backoff: { initialMs: 10, maxMs: 10, jitter: 0 },
    log: pino({ enabled: false }),
    ...options,
  })
  open.push(output)
  return output
}

interface Written {
  readonly refused: readonly RefusedRecord[]
  readonly writes: number
}

/** Writes it as one batch, and counts the requests that took. */
async function write(database: string, texts: readonly string[]): Promise<Written> {
  const output = influxDb({ database })
  const writesBefore = await writeCount()
  const refused = await output.write(linesOf(texts), never)
  return { refused, writes: (await writeCount()) - writesBefore }
}

async function writeCount(): Promise<number> {
  const [row] = await server.query("SHOW STATS FOR 'httpd'")
  return Number(row?.['writeReq'])
}

async function newDatabase(retention = ''): Promise<string> {
  const database = uniqueName('output')
  await server.query(`CREATE DATABASE "${database}"${retention}`)
  return database
}

const linesOfRefused = ({ refused }: Written) => refused.map(({ record }) => record)
const point = (measurement: string, i: number, value = `${i}i`) => `${measurement},app=a count=${value} ${nowNs + BigInt(i)}`
/** Each point of a large batch, `bad(i)` in the place of some. */
const batchOf = (count: number, bad: ReadonlyMap<number, string>) =>
  Array.from({ length: count }, (_, i) => bad.get(i) ?? point(i % 2 === 0 ? 'log' : 'instance', i))
const total = async (database: string) =>
  (await server.count(database, 'log', 'count')) + (await server.count(database, 'instance', 'count'))

describe('InfluxDB 1.6.7', () => {
  it('stores a batch, compressed or not, and a batch written again lands on itself', async () => {
    const database = await newDatabase()
    const texts = batchOf(3000, new Map())
    await influxDb({ database }).write(linesOf(texts), never)
    await influxDb({ database, gzip: true }).write(linesOf(texts), never)
    expect(await total(database)).toBe(3000)
  })

  it('refuses scattered conflicts of a field type: those alone, in about k·log n writes', async () => {
    const database = await newDatabase()
    const bad = new Map([17, 2501, 4999].map((i) => [i, point('log', i, '1.5')]))
    await write(database, [point('log', -1), point('instance', -1)])
    const written = await write(database, batchOf(5000, bad))
    expect(linesOfRefused(written)).toEqual([...bad.keys()])
    expect(written.refused[0]?.reason).toContain('field type conflict: input field "count" on measurement "log" is type float')
    expect(await total(database)).toBe(2 + 4997)
    expect(written.writes).toBeLessThanOrEqual(3 * 3 * 13)
  })

  it('refuses a whole measurement in a handful of writes', async () => {
    const database = await newDatabase()
    await write(database, ['instance,app=a count="a string"'])
    const written = await write(database, batchOf(5000, new Map()))
    expect(written.refused).toHaveLength(2500)
    expect(await server.count(database, 'log', 'count')).toBe(2500)
    expect(written.writes).toBeLessThanOrEqual(5)
  })

  it('refuses unparsable lines by name: one more write', async () => {
    const database = await newDatabase()
    const bad = new Map([
      [3, "log,app=it's\\ mine count= 5"],
      [1000, 'log,app=a count=1i 99999999999999999999'],
      [1999, `log,app=a count=1i 5 5': x`],
    ])
    const written = await write(database, batchOf(2000, bad))
    expect(linesOfRefused(written)).toEqual([...bad.keys()])
    for (const { reason } of written.refused) expect(reason).toMatch(/^unable to parse: \w/)
    expect(await total(database)).toBe(1997)
    expect(written.writes).toBe(2)
  })

  it('refuses a batch in which no line can be parsed', async () => {
    const written = await write(await newDatabase(), ['a', 'b', 'c'])
    expect(linesOfRefused(written)).toEqual([0, 1, 2])
    expect(written.writes).toBe(1)
  })

  it('refuses points beyond the retention policy, however many, in a handful of writes', async () => {
    const database = await newDatabase(' WITH DURATION 1h')
    const old = (i: number) => `log,app=a count=1i ${nowNs - 7_200_000_000_000n + BigInt(i)}`
    const bad = new Map(Array.from({ length: 700 }, (_, i) => [i * 3, old(i)]))
    const written = await write(database, batchOf(3000, bad))
    expect(linesOfRefused(written)).toEqual([...bad.keys()])
    expect(written.refused[0]?.reason).toContain('points beyond retention policy')
    expect(await total(database)).toBe(2300)
    expect(written.writes).toBeLessThanOrEqual(5)
  })

  it('refuses points of more values of a tag than it may have', async () => {
    const database = await newDatabase()
    const app = (i: number) => `log,app=app\\ ${i} count=1i ${nowNs + BigInt(i)}`
    await write(
      database,
      Array.from({ length: 100 }, (_, i) => app(i)),
    )
    const bad = new Map([5, 500, 777].map((i) => [i, app(1000 + i)]))
    const texts = Array.from({ length: 1000 }, (_, i) => bad.get(i) ?? app(i % 100))
    const written = await write(database, texts)
    expect(linesOfRefused(written)).toEqual([...bad.keys()])
    expect(written.refused[0]?.reason).toContain(
      'max-values-per-tag limit exceeded (100/100): measurement="log" tag="app" value="app 1005"',
    )
    expect(written.writes).toBeLessThanOrEqual(3 * 3 * 10)
  })

  it('tells conflict, unparsable line and expired point in one batch apart', async () => {
    const database = await newDatabase(' WITH DURATION 1h')
    await write(database, [point('log', -1)])
    const bad = new Map([
      [10, point('log', 10, '1.5')],
      [20, 'log,app=a count=zz 5'],
      [30, 'log,app=a count=1i 5'],
    ])
    const written = await write(database, batchOf(200, bad))
    expect(written.refused).toMatchObject([
      { record: 10, reason: expect.stringContaining('field type conflict') },
      { record: 20, reason: expect.stringContaining('unable to parse: ') },
      { record: 30, reason: expect.stringContaining('beyond retention policy') },
    ])
    expect(await total(database)).toBe(1 + 197)
  })

  it('keeps a batch for a database or retention policy that is missing, and names the variable', async () => {
    const missing = uniqueName('output')
    await expect(influxDb({ database: missing }).write(linesOf([point('log', 1)]), never)).rejects.toThrow('CFMR_INFLUXDB_DATABASE')
    const database = await newDatabase()
    const output = influxDb({ database, retentionPolicy: 'weekly', flushRetries: -1 })
    const write = output.write(linesOf([point('log', 1)]), never)
    await expect.poll(() => output.lastError).toContain('retention policy not found')
    await server.query(`CREATE RETENTION POLICY "weekly" ON "${database}" DURATION 1w REPLICATION 1`)
    expect(await write).toEqual([])
    expect(await server.query('SELECT * FROM weekly.log', database)).toHaveLength(1)
  })

  it('keeps a batch that its login may not write, and names the variables', async () => {
    const write = (login: Partial<InfluxDbOptions>) =>
      influxDb({ url: strict.url, database: 'cf', ...login }).write(linesOf([point('login', 1)]), never)
    await strict.query(`CREATE USER "reader" WITH PASSWORD 'reader-secret'`)
    await strict.query('GRANT READ ON "cf" TO "reader"')
    for (const login of [{}, { username: 'root', password: 'wrong' }, { username: 'reader', password: 'reader-secret' }]) {
      await expect(write(login)).rejects.toThrow(/HTTP 40[13].*CFMR_INFLUXDB_USERNAME and CFMR_INFLUXDB_PASSWORD/)
    }
    expect(await write(admin)).toEqual([])
  })

  it('gets a batch that is too large for it in parts', async () => {
    const output = influxDb({ url: strict.url, database: 'cf', ...admin })
    const texts = Array.from({ length: 3000 }, (_, i) => point('large', i))
    expect(await output.write(linesOf(texts), never)).toEqual([])
    expect(await strict.count('cf', 'large', 'count')).toBe(3000)
    expect(output).toMatchObject({ batches: 1, records: 3000 })
  })
})

describe('names with backslashes stay apart, and are read as they are', () => {
  const names = ['a\\b', 'a\\\\b', 'a\\,b', 'a,b', 'a\\ b', 'a b', 'a\\=b', 'a=b', 'a\\\\,b', 'a\\\\\\b', '\\a']
  const lineOf = (name: string, output: InfluxDb, ns: string) => `log,app=${escapeTagValue(name, output.backslash)} count=1i ${ns}`

  it('by InfluxDB 1.x', async () => {
    const database = uniqueName('db')
    await server.query(`CREATE DATABASE "${database}"`)
    const output = influxDb({ database, backslash: 'auto' })
    await output.start(never)
    expect(output.backslash).toBe('literal')
    expect(await output.write(linesOf(names.map((name) => lineOf(name, output, `${nowNs}`))), never)).toEqual([])
    const rows = await server.query('SHOW TAG VALUES WITH KEY = "app"', database)
    expect(rows.map((row) => row['value']).toSorted()).toEqual(names.toSorted())
  })

  it('by VictoriaMetrics', async () => {
    const victoria = await startVictoriaMetrics()
    try {
      const output = influxDb({ url: victoria.url, bucket: 'cf', backslash: 'auto' })
      await output.start(never)
      expect(output.backslash).toBe('escape')
      const seconds = Math.floor(Date.now() / 1000)
      expect(await output.write(linesOf(names.map((name) => lineOf(name, output, `${seconds}000000000`))), never)).toEqual([])
      const series = await victoria.exported('{__name__=~"log_.*"}')
      expect(series.map(({ metric }) => metric['app']).toSorted()).toEqual(names.toSorted())
    } finally {
      await victoria.close()
    }
  })
})

it('VictoriaMetrics takes /api/v2/write', async () => {
  const victoria = await startVictoriaMetrics()
  try {
    const output = influxDb({ url: victoria.url, bucket: 'cf', org: 'o', token: 't', gzip: true })
    await output.start(never)
    const seconds = Math.floor(Date.now() / 1000)
    expect(await output.write(linesOf([`log,app=a,org=o\\ p count=1i,size=7i ${seconds}000000000`]), never)).toEqual([])
    const series = await victoria.exported('{__name__=~"log_.*"}')
    expect(series.map(({ metric, values, timestamps }) => [metric['__name__'], metric['org'], values, timestamps]).sort()).toEqual([
      ['log_count', 'o p', [1], [seconds * 1000]],
      ['log_size', 'o p', [7], [seconds * 1000]],
    ])
  } finally {
    await victoria.close()
  }
})
