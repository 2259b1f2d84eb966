import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { makeCertificates } from '../../dev/certificates.ts'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { dropCounter } from '../../dev/loggregator/envelope.ts'
import { Numbered } from '../../dev/loggregator/numbered.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { Reader, startFoundation } from '../support/firehose.ts'

/** The numbers of a list that are not in the other, sorted. */
function missing(expected: readonly number[], from: readonly number[]): number[] {
  const there = new Set(from)
  return expected.filter((number) => !there.has(number))
}

it('streams are replaced before the gateway ends them, and nothing is lost but what the gateway throws away itself', async () => {
  const foundation = await startFoundation({ gateway: { streamTimeoutMs: 6000, batchMs: 20 } })
  const reader = new Reader(foundation, { streamAgeMs: 1500 })
  await waitUntil('both streams are open', () => foundation.gateway.streams.length === 2)
  const flow = foundation.flow(2000)
  await waitUntil('eight streams were replaced', () => reader.input.figures().reconnects.age >= 8)
  await flow.stop()
  const { record } = foundation.gateway
  await waitUntil('the gateway has sent all or thrown it away', () => record.count('written') + record.count('discarded') === flow.count)
  await waitUntil('what the gateway wrote has come', () => reader.numbers.length >= record.count('written'))
  expect(missing(record.numbers('written'), reader.numbers)).toEqual([])
  expect(new Set(reader.numbers).size).toBe(reader.numbers.length)
  // There was always one to take them, and none was too slow.
  expect([record.count('unheard'), record.count('dropped')]).toEqual([0, 0])
  expect(reader.ledger.fates.written).toBe(reader.numbers.length)
  expect(Object.keys(reader.reconnects)).toEqual(['age'])
  await reader.stop()
  await waitUntil('no connection is left', async () => (await foundation.gateway.connections()) === 0)
})

it('two instances of one shard share what there is, and repeat nothing', async () => {
  const foundation = await startFoundation({ gateway: { streamTimeoutMs: 6000, batchMs: 20, comma: ' ' } })
  const readers = [new Reader(foundation, { streamAgeMs: 2000 }), new Reader(foundation, { streamAgeMs: 2000 })]
  await waitUntil('all four streams are open', () => foundation.gateway.streams.length === 4)
  const flow = foundation.flow(1000)
  await waitUntil('enough was sent', () => flow.count > 5000)
  await flow.stop()
  const { record } = foundation.gateway
  const come = () => readers.flatMap(({ numbers }) => numbers)
  await waitUntil('what the gateway wrote has come', () => come().length >= record.count('written'))
  expect(come().sort((a, b) => a - b)).toEqual(record.numbers('written'))
  for (const { numbers } of readers) expect(numbers.length).toBeGreaterThan(1000)
})

it('an expired token is renewed once for all streams, and nothing waits longer for it', async () => {
  const foundation = await startFoundation()
  const { cloudController, gateway } = foundation
  const reader = new Reader(foundation)
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  gateway.publish(...Array.from({ length: 100 }, (_, number) => foundation.numbered.envelope(number)))
  await waitUntil('something has come over each', () => reader.numbers.length === 100)
  cloudController.uaa.revokeAccessTokens()
  cloudController.uaa.revokeRefreshTokens()
  for (const stream of gateway.streams) stream.end()
  await waitUntil('both streams are open again', () => gateway.streams.length === 2 && reader.input.figures().streams === 2)
  // The first to be refused may have a new one before the other has asked.
  const refused = gateway.requests.filter(({ status }) => status === 404).length
  expect(refused).toBeGreaterThanOrEqual(1)
  expect(refused).toBeLessThanOrEqual(2)
  expect(gateway.requests).toHaveLength(4 + refused)
  expect(cloudController.uaa.grants.filter(({ isGiven }) => isGiven)).toHaveLength(2)
  expect(reader.reconnects).toEqual({ eof: 2, not_found: refused })
  expect(reader.lines.filter(({ level }) => level === 'ERROR')).toEqual([])
})

it('an account without logs.admin gets nothing, is told why, and does not hammer gateway or UAA', async () => {
  const foundation = await startFoundation({ cloudController: { scope: 'cloud_controller.global_auditor' } })
  const { cloudController, gateway } = foundation
  const reader = new Reader(foundation)
  await waitUntil('it was tried a few times', () => gateway.requests.length >= 8)
  expect(reader.input.notReady()).toEqual([expect.stringMatching(/^firehose: no stream is open: http.* answers 404: .*lacks logs\.admin/)])
  const errors = reader.lines.filter(({ level }) => level === 'ERROR')
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({ cause: 'not_found', error: expect.stringContaining('logs.admin') })
  // Once at the start, once for the first 404 of both streams.
  expect(cloudController.uaa.grants.length).toBeLessThanOrEqual(3)
  const [first, ...others] = gateway.requests.map(({ atMs }) => atMs) as [number, ...number[]]
  // Twice at once for each stream, then after 250, 500, 1000 ms, each 30 % less at most.
  expect((others.at(-1) as number) - first).toBeGreaterThan(450)
})

it.each([
  ['UAA is down for the gateway', 'uaa_down', 'not_found'],
  ['RLP takes no more streams', 'overloaded', 'overloaded'],
  ['RLP cannot be reached by the gateway', 'unavailable', 'refused'],
  ['the router has nobody behind it', 'bad_gateway', 'refused'],
  ['the router knows no such place', 'unknown_route', 'refused'],
] as const)('where %s, streams are tried again, later and later, until it works', async (_, trouble, cause) => {
  const foundation = await startFoundation()
  const { gateway } = foundation
  gateway.trouble = trouble
  const reader = new Reader(foundation, { streams: 1 })
  await waitUntil('it was tried a few times', () => gateway.requests.length >= 4)
  const times = gateway.requests.map(({ atMs }) => atMs)
  expect((times[3] as number) - (times[1] as number)).toBeGreaterThan(450)
  expect(Object.keys(reader.reconnects)).toEqual([cause])
  expect(reader.input.notReady()).toHaveLength(1)
  expect(reader.input.figures().seconds_without_stream).toBeGreaterThan(0)
  gateway.trouble = undefined
  await waitUntil('a stream is open', () => reader.input.figures().streams === 1)
  expect(reader.input.notReady()).toEqual([])
  gateway.publish(foundation.numbered.envelope(7))
  await waitUntil('an envelope has come', () => reader.numbers.length === 1)
  expect(reader.lines.map(({ msg }) => msg)).toContain('Firehose: a stream is open again')
})

it('a gateway that is restarted is found again', async () => {
  const foundation = await startFoundation()
  const { gateway } = foundation
  const reader = new Reader(foundation)
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  await gateway.goDown()
  await waitUntil('it is missed', () => reader.input.figures().reconnects.unreachable >= 2)
  expect(reader.input.notReady()[0]).toMatch(/^firehose: no stream is open: http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/)
  await gateway.comeBack()
  await waitUntil('both streams are open again', () => reader.input.figures().streams === 2)
  gateway.publish(foundation.numbered.envelope(1), foundation.numbered.envelope(2))
  await waitUntil('envelopes have come', () => reader.numbers.length === 2)
})

it('a stream over which nothing comes, not even heartbeats, is dead and replaced; one with heartbeats is not', async () => {
  const foundation = await startFoundation({ gateway: { heartbeatMs: 100 } })
  const { gateway } = foundation
  const reader = new Reader(foundation, { silenceMs: 1500 })
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  const [frozen, quiet] = gateway.streams
  frozen?.freeze()
  await waitUntil('it was replaced', () => reader.input.figures().reconnects.silent === 1 && reader.input.figures().streams === 2)
  expect(gateway.streams).toContain(quiet)
  expect(gateway.streams).not.toContain(frozen)
  expect(reader.lines.find(({ cause }) => cause === 'silent')).toMatchObject({
    level: 'WARN',
    error: 'nothing has come over a stream for 2 s, not even a heartbeat',
  })
})

it('a batch that the end of a stream cuts off is counted and not guessed at; what came before it is there', async () => {
  const foundation = await startFoundation({ gateway: { batchMs: 10_000_000, batchEnvelopes: 10 } })
  const { gateway, numbered } = foundation
  const reader = new Reader(foundation, { streams: 1 })
  await waitUntil('the stream is open', () => gateway.streams.length === 1)
  gateway.publish(...Array.from({ length: 15 }, (_, number) => numbered.envelope(number)))
  await waitUntil('a batch has come', () => reader.numbers.length === 10)
  gateway.cut()
  await waitUntil('the stream is open again', () => gateway.streams.length === 1)
  expect(reader.input.figures()).toMatchObject({ truncated: 1, reconnects: { broken: 1 } })
  expect(reader.lines.find(({ msg }) => String(msg).includes('cut off'))).toMatchObject({ level: 'WARN' })
  gateway.publish(...Array.from({ length: 10 }, (_, number) => numbered.envelope(15 + number)))
  await waitUntil('the next has come', () => reader.numbers.length === 20)
  expect(reader.numbers).toEqual([...Array(10).keys(), ...Array.from({ length: 10 }, (_, number) => 15 + number)])
})

it('a line of 13 MB is read; a longer one than 14 MB is left out and counted, and reading goes on', async () => {
  const lineLength = 98_000
  const foundation = await startFoundation({
    numbered: new Numbered({ lineLength }),
    gateway: { batchMs: 10_000_000, batchEnvelopes: 160 },
  })
  const { gateway, numbered } = foundation
  const reader = new Reader(foundation, { streams: 1 })
  await waitUntil('the stream is open', () => gateway.streams.length === 1)
  // Three of five are lines.
  gateway.publish(...Array.from({ length: 160 }, (_, number) => numbered.envelope(number)))
  await waitUntil('all have come', () => reader.numbers.length === 160)
  expect(reader.ledger.consumedBytes).toBeGreaterThan(12.5e6)
  gateway.publish(...Array.from({ length: 160 }, (_, index) => numbered.envelope(5 * index)))
  await waitUntil('it is left out', () => reader.input.figures().oversized === 1)
  gateway.publish(...Array.from({ length: 160 }, (_, number) => numbered.envelope(1000 + number)))
  await waitUntil('the next have come', () => reader.numbers.length === 320)
  expect(reader.input.figures().streams).toBe(1)
})

it('what is no batch is handed over as it is, so that it is undecodable and not gone', async () => {
  const foundation = await startFoundation()
  const reader = new Reader(foundation, { streams: 1 })
  reader.isSettling = false
  await waitUntil('the stream is open', () => foundation.gateway.streams.length === 1)
  foundation.gateway.streams[0]?.writeRaw('data: <html>Please log in</html>\n\ndata: {"batch":[{"log":{}},oops\n\n')
  await waitUntil('both have come', () => reader.unsettled.length === 2)
  expect(reader.unsettled.flatMap(({ messages }) => messages.map(({ value }) => String(value)))).toEqual([
    '<html>Please log in</html>',
    '{"log":{}}',
    'oops',
  ])
})

it('what the platform says it has dropped is added up, and not counted as ours', async () => {
  const foundation = await startFoundation()
  const reader = new Reader(foundation)
  await waitUntil('both streams are open', () => foundation.gateway.streams.length === 2)
  foundation.gateway.publish(dropCounter('reverse_log_proxy', 7, 7), dropCounter('doppler', 5, 12, ' '), dropCounter('doppler', 0, 12))
  await waitUntil('the counters have come', () => reader.ledger.consumed === 3)
  expect(reader.input.figures().platform_dropped).toBe(12)
  expect(reader.ledger.fates.dropped).toBe(0)
})

it('the gateway tells of drops where its reader does not read, and the reader says so', async () => {
  const foundation = await startFoundation({ gateway: { bufferEnvelopes: 10, batchMs: 10_000, dropReportMs: 100 } })
  const { gateway, numbered } = foundation
  const reader = new Reader(foundation, { streams: 1 })
  await waitUntil('the stream is open', () => gateway.streams.length === 1)
  gateway.publish(...Array.from({ length: 25 }, (_, number) => numbered.envelope(number)))
  expect(gateway.dropped).toBe(15)
  gateway.streams[0]?.flush()
  await waitUntil('the drops are told', () => {
    gateway.streams[0]?.flush()
    return reader.input.figures().platform_dropped >= 15
  })
})

it('over TLS a gateway is read whose authority is trusted, and no other', async () => {
  const certificates = makeCertificates(scratchFolder('firehose-tls'))
  const store = readFileSync(certificates.serverKeyStore, 'utf8')
  const foundation = await startFoundation({ gateway: { tls: { key: store, cert: store } } })
  const stranger = new Reader(foundation, { shardId: 'stranger', trusted: [readFileSync(certificates.otherCa, 'utf8')] })
  const reader = new Reader(foundation, { trusted: [readFileSync(certificates.ca, 'utf8')] })
  await waitUntil('both streams are open', () => foundation.gateway.streams.length === 2)
  foundation.gateway.publish(foundation.numbered.envelope(0))
  await waitUntil('an envelope has come', () => reader.numbers.length === 1)
  await waitUntil('the other is refused', () => stranger.lines.some(({ level }) => level === 'ERROR'))
  expect(stranger.lines.find(({ level }) => level === 'ERROR')).toMatchObject({
    cause: 'unreachable',
    error: expect.stringMatching(/its certificate is not trusted: .*NODE_EXTRA_CA_CERTS/),
  })
})

it('UAA away when a stream has to be opened: it is tried again, the open streams go on, and no token is in the log', async () => {
  const foundation = await startFoundation({ cloudController: { accessTokenSeconds: 1 } })
  const { cloudController, gateway, numbered } = foundation
  const reader = new Reader(foundation)
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  cloudController.faults.add({ ...ANSWERS.databaseDown, kind: 'token' })
  // The token is renewed when four fifths of its time are over.
  await waitUntil('the token is old', () => !cloudController.uaa.accepts(gateway.requests[0]?.authorization))
  gateway.streams[0]?.end()
  await waitUntil('a stream is missed', () => reader.input.figures().reconnects.login >= 2)
  expect(reader.input.figures().streams).toBe(1)
  expect(reader.input.notReady()).toEqual([])
  gateway.publish(numbered.envelope(0))
  await waitUntil('the other still reads', () => reader.numbers.length === 1)
  cloudController.faults.heal()
  await waitUntil('both streams are open again', () => reader.input.figures().streams === 2)
  const token = gateway.requests[0]?.authorization?.replace('bearer ', '') ?? ''
  expect(token.length).toBeGreaterThan(20)
  expect(JSON.stringify(reader.lines)).not.toContain(token)
})

it('at its limit it has batches flushed now and then, and not for each envelope that comes', async () => {
  const foundation = await startFoundation({ gateway: { batchEnvelopes: 1 } })
  const { gateway, numbered } = foundation
  let flushes = 0
  const reader = new Reader(foundation, { maxInFlight: 2000, flushNow: () => void flushes++ })
  reader.isSettling = false
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  gateway.publish(...Array.from({ length: 1000 }, (_, number) => numbered.envelope(number)))
  await waitUntil('it has as many as it may', () => reader.numbers.length === 1000)
  expect(flushes).toBe(0)
  const startedMs = Date.now()
  for (let number = 1000; number < 1300; number++) {
    gateway.publish(numbered.envelope(number))
    await waitUntil('it has come', () => reader.ledger.consumed === number + 1, { everyMs: 1 })
  }
  expect(flushes).toBeGreaterThan(0)
  // Twice a second at most.
  expect(flushes).toBeLessThanOrEqual(2 + (Date.now() - startedMs) / 500)
  const before = flushes
  reader.settle()
  await waitUntil('the rest is taken, and nothing waits', () => reader.numbers.length === 1300)
  gateway.publish(...Array.from({ length: 1000 }, (_, index) => numbered.envelope(1300 + index)))
  await waitUntil('it is flushed again', () => flushes > before)
  expect(reader.ledger.fates.dropped).toBe(0)
})

it('at limits that a single envelope reaches it has that one written, too', async () => {
  const foundation = await startFoundation({ gateway: { batchEnvelopes: 1 } })
  const { gateway, numbered } = foundation
  const reader: Reader = new Reader(foundation, { maxInFlight: 1, flushNow: () => reader.settle() })
  reader.isSettling = false
  await waitUntil('both streams are open', () => gateway.streams.length === 2)
  for (let number = 0; number < 3; number++) {
    gateway.publish(numbered.envelope(number))
    await waitUntil('it is settled', () => reader.ledger.fates.written === number + 1)
  }
})

it.each([
  ['a batch that has begun to come at a stop is read to its end', true, [1]],
  ['a batch that never ends holds a stop up no longer than a moment, and is counted', false, []],
])('%s', async (_, isEnding, numbers) => {
  const foundation = await startFoundation()
  const { gateway, numbered } = foundation
  const reader = new Reader(foundation, { streams: 1 })
  await waitUntil('the stream is open', () => gateway.streams.length === 1)
  const [stream] = gateway.streams
  const frame = `data: {"batch":[${numbered.envelope(1).text}]}\n\n`
  // The first is read whole, so that what follows in the same write has come, too.
  stream?.writeRaw(`data: {"batch":[${numbered.envelope(0).text}]}\n\n${frame.slice(0, 100)}`)
  await waitUntil('the first has come', () => reader.numbers.length === 1)
  const stopped = reader.stop()
  if (isEnding) stream?.writeRaw(`${frame.slice(100)}data: {"batch":[`)
  await stopped
  expect(reader.numbers).toEqual([0, ...numbers])
  expect(reader.input.figures().truncated).toBe(isEnding ? 0 : 1)
})

it('hundreds of reconnects leave no connections behind', async () => {
  const foundation = await startFoundation({ gateway: { streamTimeoutMs: 600 } })
  const reader = new Reader(foundation, { streams: 16 })
  await waitUntil('a stream of each was replaced', () => reader.input.figures().reconnects.closing >= 16)
  await waitUntil('hundreds were replaced', () => reader.input.figures().reconnects.closing >= 320, { timeoutMs: 120_000 })
  // One of each that has ended may still be closing.
  expect(await foundation.gateway.connections()).toBeLessThanOrEqual(32)
})

it.each(['tls+sse://log-stream.example.org', 'https://admin:password-of-admin@log-stream.example.org', 'wss://log-stream.example.org', 7])(
  'an API whose gateway is %s is asked again until it says where it really is',
  async (logStream) => {
    const foundation = await startFoundation()
    const { cloudController, gateway } = foundation
    cloudController.platform.logStream = logStream as string
    const reader = new Reader(foundation, { streams: 1 })
    await waitUntil('it was tried', () => reader.input.failures >= 2)
    expect(reader.input.notReady()).toEqual([
      expect.stringMatching(/does not say where the firehose is \(links\.log_stream\): set CFMR_FIREHOSE_URL/),
    ])
    expect(JSON.stringify([reader.lines, reader.input.notReady()])).not.toContain('password-of-admin')
    cloudController.platform.logStream = gateway.url
    await waitUntil('the stream is open', () => reader.input.figures().streams === 1)
  },
)
