import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { parseEnvelope } from '../../dev/envelope-protobuf.ts'
import { influxQl } from '../../dev/influxql.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { startFakeInfluxDb } from '../fakes/influxdb.ts'
import { parseLine } from '../support/line-protocol.ts'
import { type Ended, type Run, run } from '../support/program.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { spellV2, toV2, type V1 } from '../support/v2-envelopes.ts'
import { sampleAppsApi } from '../support/worker.ts'

const COUNT = 3000
const mix = loadMix()
const lines = Array.from({ length: COUNT }, (_, number) => mix.envelope(number).toString())
const points = lines.filter((_, number) => mix.kind(number) !== 'discarded').length
const text = `${lines.join('\n')}\n`

let folder: string
const at = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
  writeFileSync(at('all.ndjson'), text)
  writeFileSync(at('all.ndjson.gz'), gzipSync(text))
  writeFileSync(at('first.ndjson'), `${lines.slice(0, 1000).join('\n')}\n`)
  // Without a newline at its end.
  writeFileSync(at('rest.ndjson'), lines.slice(1000).join('\r\n'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const replay = (files: readonly string[], { env, ...more }: Partial<Run> = {}): Promise<Ended> =>
  run({ args: ['replay', ...files], env: { CFMR_CF_API: sampleAppsApi, CFMR_OUTPUT: 'stdout', ...env }, ...more })
const ledgerOf = ({ log }: Ended) => log.find(({ msg }) => msg.includes('what became of'))
const written = ({ stdout }: Ended) => stdout.split(/(?<=\n)/)

it('gives the same points from a file, a compressed one, several of them and stdin, in small batches too, and nothing else on stdout', async () => {
  const ways = [
    await replay([at('all.ndjson')]),
    await replay([at('all.ndjson.gz')]),
    await replay([at('first.ndjson'), at('rest.ndjson')]),
    await replay(['-'], { stdin: text }),
    await replay(['-output', 'stdout', '-'], { stdin: gzipSync(text), env: { CFMR_OUTPUT: '' } }),
    await replay([at('all.ndjson')], { env: { CFMR_BATCHER_FLUSHMESSAGES: '7', CFMR_INFLUXDB_MAXWRITES: '1' } }),
  ]
  const expected = written(ways[0] as Ended)
  expect(expected).toHaveLength(points)
  for (const line of expected) parseLine(line)
  for (const way of ways) {
    expect(way.code, way.stderr).toBe(0)
    expect(written(way)).toEqual(expected)
    expect(ledgerOf(way)).toMatchObject({ consumed: COUNT, written: points, discarded: COUNT - points, unsettled: 0, residue: 0 })
  }
})

it('writes only the side of requests that CFMR_HTTPPEER names; the other is discarded, and both count where it is not set', async () => {
  const sides = lines.slice(0, 1000).map((line, number) => (number % 3 === 0 ? line.replace('"peerType":2', '"peerType":1') : line))
  const asTold = (type: number) => sides.filter((line) => line.includes(`"peerType":${type}`)).length
  const [client, server] = [asTold(1), asTold(2)]
  expect(Math.min(client, server)).toBeGreaterThan(10)
  const stdin = `${sides.join('\n')}\n`
  const outcome = async (peer: string | undefined) => {
    const way = await replay(['-'], { stdin, env: { CFMR_HTTPPEER: peer } })
    expect(way.code, way.stderr).toBe(0)
    return { requests: written(way).filter((line) => line.startsWith('http_request,')).length, discarded: ledgerOf(way)?.['discarded'] }
  }
  const both = await outcome(undefined)
  const discarded = Number(both.discarded)
  expect(both.requests).toBe(client + server)
  expect(await outcome('both')).toEqual(both)
  expect(await outcome('client')).toEqual({ requests: client, discarded: discarded + server })
  expect(await outcome('server')).toEqual({ requests: server, discarded: discarded + client })
  const wrong = await replay(['-'], { stdin, env: { CFMR_HTTPPEER: 'callers' } })
  expect(wrong.code).not.toBe(0)
  expect(wrong.stderr).toMatch(/CFMR_HTTPPEER.*callers/s)
})

it('gives the same points where each second envelope is one of Loggregator V2', async () => {
  const asV2 = (line: string) => spellV2(toV2(parseEnvelope(line) as unknown as V1))
  writeFileSync(at('mixed.ndjson'), lines.map((line, number) => (number % 2 === 0 ? line : asV2(line))).join('\n'))
  const [v1, mixed] = [await replay([at('all.ndjson')]), await replay([at('mixed.ndjson')])]
  expect(written(mixed)).toEqual(written(v1))
  expect(ledgerOf(mixed)).toMatchObject({
    consumed: COUNT,
    written: points,
    discarded: COUNT - points,
    undecodable: 0,
    unsettled: 0,
    residue: 0,
  })
})

it('writes to InfluxDB, too', async () => {
  const { url } = await shared('influxdb')
  const database = uniqueName('db')
  const influxDb = influxQl({ url })
  await influxDb.query(`CREATE DATABASE "${database}"`)
  const env = { CFMR_OUTPUT: 'influxdb', CFMR_INFLUXDB_ADDR: url, CFMR_INFLUXDB_DATABASE: database }
  const ended = await replay([at('all.ndjson.gz')], { env })
  expect(ended.code, ended.stderr).toBe(0)
  const counts = await Promise.all(
    ['http_request count', 'log count', 'instance cpu'].map((words) => {
      const [measurement = '', field = ''] = words.split(' ')
      return influxDb.count(database, measurement, field)
    }),
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(points)
})

it('writes no batch of more lines than it was told to, in whatever pieces they come', async () => {
  const influxDb = await startFakeInfluxDb()
  onTestFinished(() => influxDb.close())
  const env = { CFMR_OUTPUT: 'influxdb', CFMR_INFLUXDB_ADDR: influxDb.url, CFMR_INFLUXDB_DATABASE: 'metrics', CFMR_INFLUXDB_MAXWRITES: '1' }
  const ended = await replay([at('first.ndjson')], { env: { ...env, CFMR_BATCHER_FLUSHMESSAGES: '7' } })
  expect(ended.code, ended.stderr).toBe(0)
  const sizes = influxDb.writes.map(({ lines }) => lines.length)
  expect(Math.max(...sizes)).toBe(7)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(
    lines.slice(0, 1000).filter((_, number) => mix.kind(number) !== 'discarded').length,
  )
})

it('writes nothing with --output stdout, wherever the configuration points', async () => {
  const influxDb = await startFakeInfluxDb()
  onTestFinished(() => influxDb.close())
  const env = { CFMR_OUTPUT: 'influxdb', CFMR_INFLUXDB_ADDR: influxDb.url, CFMR_INFLUXDB_DATABASE: 'metrics' }
  const ended = await replay(['--output', 'stdout', at('all.ndjson')], { env })
  expect(ended.code, ended.stderr).toBe(0)
  expect(written(ended)).toHaveLength(points)
  expect([influxDb.writes.length, influxDb.pings]).toEqual([0, 0])
})

it('names each broken line by file and line number, skips empty ones, and ends with 0', async () => {
  writeFileSync(at('broken.ndjson'), `${lines[0]}\n\n{"eventType":\n\r\nnonsense\n${lines[2]}`)
  const ended = await replay([at('broken.ndjson')])
  expect(ended.code).toBe(0)
  expect(written(ended)).toHaveLength(2)
  const named = ended.log.filter(({ level }) => level === 'ERROR').map(({ file, line }) => ({ file, line }))
  expect(named).toEqual([3, 5].map((line) => ({ file: at('broken.ndjson'), line })))
  expect(ledgerOf(ended)).toMatchObject({ consumed: 4, written: 2, undecodable: 2, residue: 0 })
})

it('says which file cannot be read, or is no complete gzip, and ends with 1', async () => {
  const missing = await replay([at('first.ndjson'), at('none.ndjson')])
  expect(missing.code).toBe(1)
  expect(missing.stderr).toContain(at('none.ndjson'))

  writeFileSync(at('cut.ndjson.gz'), gzipSync(text).subarray(0, 20_000))
  const cut = await replay([at('cut.ndjson.gz')])
  expect(cut.code).toBe(1)
  expect(cut.stderr).toContain(at('cut.ndjson.gz'))
})

it('ends with 2 where it is asked for wrongly, and needs no Kafka', async () => {
  const ended = await replay([], { env: { CFMR_CF_API: '', CFMR_OUTPUT: 'influxdb' } })
  expect(ended.code).toBe(2)
  for (const name of ['replay', 'CFMR_CF_API', 'CFMR_INFLUXDB_ADDR', 'CFMR_INFLUXDB_DATABASE']) expect(ended.stderr).toContain(`${name}: `)
  expect(ended.stderr).not.toContain('KAFKA')
})
