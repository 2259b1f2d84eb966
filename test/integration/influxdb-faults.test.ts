import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { freePorts } from '../../dev/free-port.ts'
import { GaveUp } from '../../src/lib/errors.ts'
import type { InfluxDb, InfluxDbOptions } from '../../src/outputs/influxdb/influxdb.ts'
import { type FakeAnswer, type FakeInfluxDb, type FakeWrite, startFakeInfluxDb } from '../fakes/influxdb.ts'
import { linesOf } from '../fakes/lines.ts'
import { influxDbFor } from '../support/influxdb-output.ts'

let server: FakeInfluxDb
const open: InfluxDb[] = []
const logged: Record<string, unknown>[] = []
const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
const never = new AbortController().signal

beforeEach(async () => {
  server = await startFakeInfluxDb()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((output) => output.close()))
  await server.close()
  logged.length = 0
})

const influxDb = (options: Partial<InfluxDbOptions> = {}) => {
  const output = influxDbFor(server.url, { log, ...options })
  open.push(output)
  return output
}

const texts = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `m,app=a count=1i ${from + i}`)
/** Answers in turn; the last one again and again. */
const inTurn =
  (...answers: FakeAnswer[]) =>
  (_: FakeWrite, number: number) =>
    answers[Math.min(number, answers.length) - 1] as FakeAnswer

describe('a request', () => {
  it('goes to /write with the database, in nanoseconds, credentials only in a header', async () => {
    await influxDb({ url: `${server.url}/proxy/`, retentionPolicy: 'two weeks', username: 'me', password: 'p:w' }).write(
      linesOf(texts(2)),
      never,
    )
    const [{ url, headers, lines } = expect.fail()] = server.writes
    expect(url).toBe('/proxy/write?db=cf&rp=two+weeks&precision=ns')
    expect(headers.authorization).toBe(`Basic ${Buffer.from('me:p:w').toString('base64')}`)
    expect(lines).toEqual(texts(2))
  })

  it('goes to /api/v2/write where there is a bucket', async () => {
    await influxDb({ database: undefined, bucket: 'b/c', org: 'o', token: 't0ken' }).write(linesOf(texts(1)), never)
    await influxDb({ database: undefined, bucket: 'b' }).write(linesOf(texts(1)), never)
    expect(server.writes.map(({ url }) => url)).toEqual([
      '/api/v2/write?org=o&bucket=b%2Fc&precision=ns',
      '/api/v2/write?bucket=b&precision=ns',
    ])
    expect(server.writes[0]?.headers.authorization).toBe('Token t0ken')
  })

  it('is compressed where asked for', async () => {
    await influxDb({ gzip: true }).write(linesOf(texts(1000)), never)
    expect(server.writes[0]?.headers['content-encoding']).toBe('gzip')
    expect(server.writes[0]?.lines).toEqual(texts(1000))
  })
})

describe('is tried again, and stored', () => {
  it.each<[string, FakeAnswer]>([
    ['503', { status: 503 }],
    ['429 in plain text', { status: 429, body: 'slow down' }],
    ['500', { status: 500, body: { error: 'timeout' } }],
    ['502 of a proxy', { status: 502, body: '<html>Bad Gateway' }],
    ['a reset connection', 'reset'],
    ['an answer that is cut', 'cut'],
    ['a 401', { status: 401, body: { error: 'authorization failed' } }],
    ['a missing database', { status: 404, body: { error: 'database not found: "cf"' } }],
    ['a redirect', { status: 302, headers: { location: '/login' } }],
    ['a login page behind a 200', { status: 200, body: '<html>Log in' }],
    ['words nobody knows', { status: 200, body: 'fine' }],
  ])('%s', async (_, answer) => {
    server.onWrite = inTurn(answer, answer, { status: 204 })
    const output = influxDb()
    expect(await output.write(linesOf(texts(3)), never)).toEqual([])
    expect(server.writes).toHaveLength(3)
    expect(server.stored.size).toBe(3)
    expect(output).toMatchObject({ batches: 1, records: 3, retries: 2, failures: 2, inFlight: 0 })
    expect(output.notReady()).toEqual([])
  })

  it.each<['hang' | 'drip']>([['hang'], ['drip']])('a server that does not end its answer: %s', async (answer) => {
    server.onWrite = inTurn(answer, { status: 204 })
    const output = influxDb({ timeoutMs: 200 })
    expect(await output.write(linesOf(texts(1)), never)).toEqual([])
    expect(output.lastError).toBe('no answer within 0.2 s')
  })
})

describe('gives up', () => {
  it('after so many further tries, and says that nothing is lost', async () => {
    server.onWrite = inTurn({ status: 503, body: { error: 'engine is closed' } })
    const output = influxDb({ flushRetries: 2 })
    const error = await output.write(linesOf(texts(3)), never).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(GaveUp)
    expect(error.message).toMatch(
      /InfluxDB at http:\S+ did not take a batch, tried 3 times: HTTP 503: engine is closed.*[Nn]othing is lost/,
    )
    expect(server.writes).toHaveLength(3)
    expect(output.notReady()).toMatchObject([expect.stringContaining('engine is closed')])
  })

  it('never, where retries are unlimited', async () => {
    server.onWrite = (_, number) => (number < 30 ? { status: 503 } : { status: 204 })
    await influxDb({ flushRetries: -1 }).write(linesOf(texts(1)), never)
    expect(server.writes).toHaveLength(30)
  })

  it('where nobody listens, naming address and cause', async () => {
    const [port] = await freePorts(1)
    const output = influxDb({ url: `http://127.0.0.1:${port}`, flushRetries: 1 })
    await expect(output.write(linesOf(texts(1)), never)).rejects.toThrow(/ECONNREFUSED 127.0.0.1/)
  })

  it('at once when it is told to, in the middle of a request or of a pause', async () => {
    for (const answer of ['hang', { status: 503, headers: { 'retry-after': '100' } }] as const) {
      server.onWrite = inTurn(answer)
      const kill = new AbortController()
      const count = server.writes.length
      const write = influxDb({ timeoutMs: 600_000 }).write(linesOf(texts(1)), kill.signal)
      await vi.waitUntil(() => server.writes.length > count)
      kill.abort(new Error('stopping'))
      await expect(write).rejects.toThrow('stopping')
    }
  })
})

it('does not try again before Retry-After', async () => {
  server.onWrite = inTurn({ status: 503, headers: { 'retry-after': '100' } })
  const kill = new AbortController()
  const write = influxDb().write(linesOf(texts(1)), kill.signal)
  await vi.waitUntil(() => logged.length > 0)
  expect(logged[0]).toMatchObject({ level: 40, retryInSeconds: 100 })
  kill.abort(new Error('enough'))
  await expect(write).rejects.toThrow('enough')
  expect(server.writes).toHaveLength(1)
})

it('names the variable to look at, as an ERROR', async () => {
  server.onWrite = inTurn({ status: 401, body: { error: 'authorization failed' } })
  await expect(influxDb({ flushRetries: 1, username: 'me', password: 'secret-password' }).write(linesOf(texts(1)), never)).rejects.toThrow(
    'CFMR_INFLUXDB_PASSWORD',
  )
  expect(logged).toMatchObject([
    { level: 50, msg: expect.stringContaining('CFMR_INFLUXDB_USERNAME'), error: expect.stringContaining('authorization failed') },
  ])
  expect(JSON.stringify(logged)).not.toContain('secret-password')
})

describe('refused points', () => {
  const isBad = (line: string) => line.endsWith('7')
  const partial = (write: FakeWrite): FakeAnswer => {
    const bad = write.lines.filter(isBad)
    return bad.length === 0 ? { status: 204 } : { status: 400, body: { error: `partial write: field type conflict dropped=1` } }
  }

  it('are found, all others are stored, and stay stored through an outage in between', async () => {
    const failures = new Set([3, 4, 9])
    server.onWrite = (write, number) => (failures.has(number) ? 'reset' : partial(write))
    const output = influxDb()
    const refused = await output.write(linesOf(texts(100)), never)
    expect(refused.map(({ record }) => record)).toEqual([7, 17, 27, 37, 47, 57, 67, 77, 87, 97])
    expect(server.stored.size).toBe(90)
    expect(server.writes.length).toBeLessThanOrEqual(200)
    expect(output).toMatchObject({ records: 90, batches: 1 })
    const wholes = server.writes.filter(({ lines }) => lines.length === 100)
    expect(wholes, 'an outage does not begin the search anew').toHaveLength(1)
    const onceStored = server.writes.flatMap(({ lines }, i) => (failures.has(i + 1) || lines.some(isBad) ? [] : lines))
    expect(new Set(onceStored).size, 'nothing that was stored is written again').toBe(onceStored.length)
  })

  it('count the tries anew whenever something was stored', async () => {
    server.onWrite = (write, number) => (number % 2 === 1 ? { status: 503 } : partial(write))
    const refused = await influxDb({ flushRetries: 5 }).write(linesOf(texts(100)), never)
    expect(refused).toHaveLength(10)
    expect(server.stored.size).toBe(90)
  })

  it('a batch that is too large is halved until it fits; a point that never fits is refused', async () => {
    const large = `m,app=${'x'.repeat(2000)} count=1i 3`
    server.onWrite = ({ lines }) =>
      lines.join('\n').length > 500 ? { status: 413, body: { error: 'Request Entity Too Large' } } : { status: 204 }
    const refused = await influxDb().write(linesOf([...texts(50), large, ...texts(50, 50)]), never)
    expect(refused).toMatchObject([{ record: 50, reason: 'HTTP 413: Request Entity Too Large' }])
    expect(server.stored.size).toBe(100)
  })
})

it('what comes from a proxy is no judgement on points: the batch is kept, and the address is to be looked at', async () => {
  for (const answer of [
    { status: 400, body: 'Bad Request' },
    { status: 404, body: "404 Not Found: Requested route ('a') does not exist.", headers: { 'x-cf-routererror': 'unknown_route' } },
    { status: 404, body: { error: 'not found' }, headers: { 'x-cf-routererror': 'unknown_route' } },
    { status: 200, body: '<!doctype html><title>Log in</title>' },
    { status: 200, body: { ok: true } },
    { status: 413, body: '<html>' },
  ]) {
    server.onWrite = () => answer
    await expect(influxDb({ flushRetries: 1 }).write(linesOf(texts(3)), never), JSON.stringify(answer)).rejects.toThrow(
      /look at CFMR_INFLUXDB_ADDR.*Nothing is lost/,
    )
  }
})

it('a Retry-After of years is obeyed for an hour, and said', async () => {
  const log: Record<string, unknown>[] = []
  server.onWrite = () => ({ status: 503, headers: { 'retry-after': '99999999' } })
  const output = influxDb({ log: pino({ level: 'warn' }, { write: (line: string) => void log.push(JSON.parse(line)) }) })
  const stop = new AbortController()
  const writing = output.write(linesOf(texts(1)), stop.signal)
  await vi.waitUntil(() => log.length > 0)
  expect(log[0]).toMatchObject({ retryInSeconds: 3600, retryAfterSeconds: 99_999_999 })
  stop.abort()
  await expect(writing).rejects.toThrow()
})

describe('a 400 that names no point', () => {
  it('for every point alike is an outage, and costs at most twice as many writes as there are points', async () => {
    server.onWrite = inTurn({ status: 400, body: { error: 'database is required' } })
    const output = influxDb({ flushRetries: 3 })
    await expect(output.write(linesOf(texts(40)), never)).rejects.toThrow(/refuses every point in the same words.*database is required/)
    expect(server.writes.length).toBeLessThanOrEqual(2 * 40 + 3)
    expect(output.notReady()).toHaveLength(1)
  })

  it('passes when the outage does', async () => {
    server.onWrite = (_, number) => (number > 9 ? { status: 204 } : { status: 400, body: { error: 'not now' } })
    const output = influxDb()
    expect(await output.write(linesOf(texts(4)), never)).toEqual([])
    expect(server.stored.size).toBe(4)
  })

  it('for some points refuses those', async () => {
    server.onWrite = ({ lines }) => (lines.some((line) => line.endsWith('3')) ? { status: 400, body: { error: 'no' } } : { status: 204 })
    expect(await influxDb().write(linesOf(texts(10)), never)).toEqual([{ record: 3, reason: 'HTTP 400: no' }])
  })

  it('for a point alone refuses it once the server has stored others meanwhile', async () => {
    server.onWrite = ({ lines }) => (lines.includes('bad') ? { status: 400, body: { error: 'no' } } : { status: 204 })
    const output = influxDb({ flushRetries: -1 })
    const bad = output.write(linesOf(['bad']), never)
    await vi.waitUntil(() => server.writes.length > 2)
    await output.write(linesOf(texts(1)), never)
    expect(await bad).toEqual([{ record: 0, reason: 'HTTP 400: no' }])
  })
})
