import { expect, it, onTestFinished } from 'vitest'
import { startS3Server } from '../../dev/s3-server.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { type Foundation, startFoundation } from '../support/firehose.ts'
import { readObjects, s3Env } from '../support/s3-output.ts'
import { startWorker } from '../support/worker.ts'

const environment = ({ cloudController }: Foundation) => ({
  ...{ CFMR_INPUT: 'firehose', CFMR_CF_API: cloudController.url, CFMR_CF_CLIENTID: 'refinery', CFMR_CF_CLIENTSECRET: 'refinery-secret' },
})

/** A worker that reads the foundation and prints points, and the numbers of the envelopes that they are of. */
async function startReading(foundation: Foundation, env: Record<string, string | number> = {}) {
  const numbers: number[] = []
  const worker = await startWorker({
    env: { ...environment(foundation), CFMR_OUTPUT: 'stdout', CFMR_BATCHER_FLUSHINTERVAL: '100ms', ...env },
    onOutput: (line) => void numbers.push(foundation.numbered.numberOf(BigInt(line.slice(line.lastIndexOf(' ') + 1)))),
  })
  await worker.ready()
  return { worker, numbers }
}

async function figuresOf(worker: WorkerProcess) {
  const { ledger, inputs } = await worker.stats()
  return { ledger, firehose: inputs['firehose'] as (typeof inputs)[string] & Record<string, unknown> }
}

const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)

it('what comes over the firehose is written, each envelope once, and a stop writes all that was received', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const { worker, numbers } = await startReading(foundation)
  await worker.waitUntil('both streams are open', () => foundation.gateway.streams.length === 2)
  const flow = foundation.flow(2000)
  await worker.waitUntil('enough was written', () => numbers.length > 3000)
  const { firehose } = await figuresOf(worker)
  expect(firehose).toMatchObject({
    acknowledged: false,
    streams: 2,
    dropped: 0,
    reconnects: { age: 0, silent: 0, eof: 0 },
    oversized: 0,
    truncated: 0,
    last_error: null,
  })
  expect(firehose['last_envelope_age_seconds']).toBeLessThan(5)
  expect((await worker.get('/metrics')).body).toMatch(/^cfmr_firehose_streams 2$/m)
  await flow.stop()
  const exit = await worker.stop()
  expect(exit.code).toBe(0)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(worker.log.filter(({ level }) => level === 'ERROR' || level === 'WARN')).toEqual([])
})

it('where an output does not keep up, the oldest that it has not got go, each is counted, and reading never stops', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const { worker, numbers } = await startReading(foundation, { CFMR_MAXINFLIGHT: 2000, CFMR_BATCHER_FLUSHMESSAGES: 100 })
  const { gateway, numbered } = foundation
  await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
  worker.stallOutput()
  const all = 20_000
  for (let first = 0; first < all; first += 500) {
    gateway.publish(...Array.from({ length: 500 }, (_, index) => numbered.envelope(first + index)))
    await worker.waitUntil('it has come', async () => (await figuresOf(worker)).ledger.consumed === first + 500)
  }
  expect([gateway.dropped, gateway.record.count('written')]).toEqual([0, all])
  const { ledger, firehose } = await figuresOf(worker)
  expect(ledger).toMatchObject({ consumed: all, residue: 0 })
  expect(ledger.in_flight).toBeLessThanOrEqual(2000)
  expect(ledger.dropped).toBe(all - ledger.in_flight - ledger.written)
  expect(firehose['dropped']).toBe(ledger.dropped)
  const kinds = firehose['dropped_by_kind'] as Record<string, number>
  expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(ledger.dropped)
  // Three of five are lines, and a run of numbers was dropped.
  expect(Math.abs((kinds['log'] as number) - 0.6 * ledger.dropped)).toBeLessThanOrEqual(500)
  expect(worker.log.find(({ msg }) => msg.startsWith('Firehose: envelopes are dropped, the oldest first'))).toMatchObject({ level: 'WARN' })

  worker.resumeOutput()
  await worker.waitUntil('all that is left is written', async () => (await figuresOf(worker)).ledger.in_flight === 0)
  const exit = await worker.stop()
  expect(exit.code).toBe(0)
  expect(numbers).toHaveLength(all - ledger.dropped)
  // The newest are there, and so are the first, which the output had got.
  const sorted = ascending(numbers)
  expect(sorted.slice(0, 500)).toEqual(Array.from({ length: 500 }, (_, number) => number))
  expect(sorted.slice(-900)).toEqual(Array.from({ length: 900 }, (_, index) => all - 900 + index))
})

it('a stop under load ends in time, and what it had received is written', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const { worker, numbers } = await startReading(foundation)
  await worker.waitUntil('both streams are open', () => foundation.gateway.streams.length === 2)
  foundation.flow(5000)
  await worker.waitUntil('it flows', () => numbers.length > 5000)
  const exit = await worker.stop()
  expect(exit.code).toBe(0)
  expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])
  // Each stream's share has no hole but its end.
  expect(new Set(numbers).size).toBe(numbers.length)
})

it('what outputs do not take within CFMR_PROCESSINGTIMEOUT is lost at a stop, and said to be', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const { worker } = await startReading(foundation, { CFMR_PROCESSINGTIMEOUT: '2s', CFMR_BATCHER_FLUSHMESSAGES: 100 })
  const { gateway, numbered } = foundation
  await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
  worker.stallOutput()
  gateway.publish(...Array.from({ length: 10_000 }, (_, number) => numbered.envelope(number)))
  await worker.waitUntil('all have come', async () => (await figuresOf(worker)).ledger.consumed === 10_000)
  const { ledger } = await figuresOf(worker)
  expect(ledger.in_flight).toBeGreaterThan(0)
  const exit = await worker.stop()
  expect(exit.code).toBe(1)
  expect(worker.log.filter(({ level }) => level === 'ERROR').map(({ msg }) => msg)).toEqual([
    expect.stringMatching(/^\d+ envelopes are lost: they are not settled, and nobody sends them again$/),
  ])
})

it('at its limit it has open batches written, however young they are, and drops nothing for an output that is well', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const { worker, numbers } = await startReading(foundation, { CFMR_MAXINFLIGHT: 2000, CFMR_BATCHER_FLUSHINTERVAL: '10m' })
  const { gateway, numbered } = foundation
  await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
  for (let first = 0; first < 6000; first += 500) {
    gateway.publish(...Array.from({ length: 500 }, (_, index) => numbered.envelope(first + index)))
    await worker.waitUntil('it has come, and there is room for the next', async () => {
      const { consumed, in_flight } = (await figuresOf(worker)).ledger
      return consumed === first + 500 && in_flight <= 1000
    })
  }
  expect((await figuresOf(worker)).ledger).toMatchObject({ dropped: 0, residue: 0 })
  expect((await worker.stop()).code).toBe(0)
  expect(ascending(numbers)).toEqual(Array.from({ length: 6000 }, (_, number) => number))
})

it('at its limit it has the oldest objects of s3 written, however long they could have stayed open, and not one for every few envelopes', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const server = await startS3Server()
  onTestFinished(() => server.close())
  server.makeBucket('events')
  const worker = await startWorker({
    env: { ...environment(foundation), ...s3Env(server, 'events', { CFMR_S3_OBJECTAGE: '1h' }), CFMR_MAXINFLIGHT: 10_000 },
  })
  const { gateway, numbered } = foundation
  await worker.waitUntil('both streams are open', () => gateway.streams.length === 2)
  const all = 30_000
  for (let first = 0; first < all; first += 2000) {
    gateway.publish(...Array.from({ length: 2000 }, (_, index) => numbered.envelope(first + index)))
    await worker.waitUntil('it has come, and there is room for the next', async () => {
      const { consumed, in_flight } = (await figuresOf(worker)).ledger
      return consumed === first + 2000 && in_flight <= 8000
    })
  }
  expect((await figuresOf(worker)).ledger).toMatchObject({ dropped: 0, residue: 0 })
  expect((await worker.stop()).code).toBe(0)
  expect(server.keys('events').length).toBeLessThan(all / 20)
  expect((await readObjects(server, 'events')).documents).toHaveLength(all)
})
