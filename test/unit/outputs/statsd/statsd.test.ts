import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { Statsd } from '../../../../src/outputs/statsd/statsd.ts'
import { quietLog } from '../../../support/quiet-log.ts'

const never = new AbortController().signal
/** As many as are remembered. */
const MOST_SUMS = 200_000

/** Reads whatever comes. */
async function listener(): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => {}).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** A batch of counts of 1 in one interval. */
function counts(from: number, end: number) {
  const samples = Array.from({ length: end - from }, (_, i) => `c 1480000000000000000 1 cf.app-${from + i}.log.count \n`)
  const bytes = Buffer.from(samples.join(''))
  return { bytes, count: samples.length, endOf: () => bytes.length }
}

it('sums for Graphite that may have been forgotten and begin anew are an error that somebody must act on, and a figure', async () => {
  const { log, lines } = quietLog()
  const statsd = new Statsd({
    address: { protocol: 'tcp', host: '127.0.0.1', port: await listener() },
    format: 'graphite',
    name: '{metric}',
    worker: '0-abc',
    flushIntervalMs: 10_000,
    maxAgeMs: 0,
    mtu: 65_000,
    timeoutMs: 10_000,
    startTimeoutMs: 0,
    flushRetries: 0,
    log,
  })
  onTestFinished(() => statsd.close())
  await statsd.write(counts(0, MOST_SUMS), never)
  await statsd.write(counts(0, 10), never)
  expect(statsd.restarted).toBe(0)
  expect(lines).toEqual([])
  await statsd.write(counts(MOST_SUMS, MOST_SUMS + 5), never)
  await statsd.write(counts(10, 12), never)
  expect(statsd.restarted).toBe(2)
  expect(lines).toEqual([
    expect.objectContaining({ level: 'ERROR', sums: 2, msg: expect.stringMatching(/^Graphite at .*forgotten may have begun anew/) }),
  ])
})
