import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeCertificates } from '../../dev/certificates.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import type { InfluxDb, InfluxDbOptions } from '../../src/outputs/influxdb/influxdb.ts'
import { type FakeAnswer, type FakeInfluxDb, startFakeInfluxDb } from '../fakes/influxdb.ts'
import { linesOf } from '../fakes/lines.ts'
import { influxDbFor } from '../support/influxdb-output.ts'

let server: FakeInfluxDb
const open: InfluxDb[] = []
const never = new AbortController().signal

beforeEach(async () => {
  server = await startFakeInfluxDb()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((output) => output.close()))
  await server.close()
})

const influxDb = (options: Partial<InfluxDbOptions> = {}) => {
  const output = influxDbFor(server.url, options)
  open.push(output)
  return output
}

describe('the start', () => {
  it('waits until the server answers', async () => {
    server.onPing = () => (server.pings < 3 ? { status: 503 } : { status: 204 })
    const output = influxDb({ startTimeoutMs: 5000 })
    expect(output.notReady()).toHaveLength(1)
    await output.start(never)
    expect(server.pings).toBe(3)
    expect(output.notReady()).toEqual([])
  })

  it.each([200, 204, 401, 404])('takes a %i for an answer', async (status) => {
    server.onPing = () => ({ status })
    await influxDb().start(never)
  })

  it.each<[string, FakeAnswer]>([
    ['a server error', { status: 500 }],
    ['no answer', 'hang'],
    ['a reset', 'reset'],
  ])('gives up after its time on %s, and names address and variables', async (_, answer) => {
    server.onPing = () => answer
    await expect(influxDb().start(never)).rejects.toThrow(
      /InfluxDB at http:\S+ did not answer within 0.5 s: .*nothing is lost.*CFMR_INFLUXDB_ADDR/,
    )
    expect(server.pings).toBeGreaterThan(1)
  })

  it('ends when it is told to', async () => {
    server.onPing = () => 'hang'
    const stop = new AbortController()
    const start = influxDb({ startTimeoutMs: 60_000, pingTimeoutMs: 60_000 }).start(stop.signal)
    await vi.waitUntil(() => server.pings > 0)
    stop.abort(new Error('stopping'))
    await expect(start).rejects.toThrow('stopping')
  })
})

describe('TLS', () => {
  const folder = scratchFolder('influxdb-tls')
  const pem = readFileSync(makeCertificates(folder).serverKeyStore, 'utf8')

  it('is verified, and names what to look at, unless told not to', async () => {
    const secure = await startFakeInfluxDb({ tls: { key: pem, cert: pem } })
    try {
      await expect(influxDb({ url: secure.url, flushRetries: 0 }).write(linesOf(['m v=1 1']), never)).rejects.toThrow(
        /certificate.*CFMR_INFLUXDB_SKIPSSLVALIDATION/,
      )
      expect(secure.stored.size).toBe(0)
      await influxDb({ url: secure.url, skipSslValidation: true }).write(linesOf(['m v=1 1']), never)
      expect(secure.stored.size).toBe(1)
    } finally {
      await secure.close()
    }
  })
})
