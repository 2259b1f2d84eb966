import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Certificates, makeCertificates } from '../../dev/certificates.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { type RsyslogServer, startRsyslog } from '../../dev/rsyslog.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { GaveUp } from '../../src/lib/errors.ts'
import { Syslog, type SyslogOptions } from '../../src/outputs/syslog/syslog.ts'
import { recordsOf } from '../fakes/lines.ts'
import { Installation } from '../support/installation.ts'
import { quietLog } from '../support/quiet-log.ts'

const never = new AbortController().signal
const backoff = { initialMs: 20, maxMs: 50, jitter: 0 }
const mix = loadMix()
const ENVELOPES = 3000
const envelopes = Array.from({ length: ENVELOPES }, (_, number) => mix.envelope(number))
const logCount = envelopes.filter((_, number) => mix.kind(number) === 'log').length

let certificates: Certificates & { readonly folder: string }
let server: RsyslogServer

beforeAll(async () => {
  const folder = scratchFolder('syslog-certificates')
  certificates = { ...makeCertificates(folder), folder }
  server = await startRsyslog(certificates)
})
afterAll(() => server?.close())

/** A record is each of its messages behind its length. */
function records(...messages: readonly string[]) {
  return recordsOf(
    messages.map((message) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(message) + 1)
      return `${length.toString('latin1')}${message}\n`
    }),
  )
}

function output(address: SyslogOptions['address'], options: Partial<SyslogOptions> = {}) {
  const { log, lines } = quietLog()
  const syslog = new Syslog({
    address,
    framing: 'octet',
    maxBytes: 8192,
    windowBytes: 262_144,
    metrics: false,
    timeoutMs: 10_000,
    startTimeoutMs: 0,
    ca: undefined,
    cert: undefined,
    key: undefined,
    skipSslValidation: false,
    flushRetries: 3,
    backoff,
    log,
    ...options,
  })
  return { syslog, lines }
}

describe('a worker', () => {
  let site: Installation
  beforeEach(async () => {
    site = await Installation.open()
  })
  afterEach(() => site?.close())

  it.each([
    ['relp', {}, 'stored'],
    ['tcp', {}, 'handed over'],
    ['tcp', { CFMR_SYSLOG_FRAMING: 'lf' }, 'handed over'],
    ['tls', {}, 'handed over'],
    ['udp', {}, 'handed over'],
  ] as const)('sends every log line to rsyslog over %s %j, and says what that is worth', async (protocol, more, ack) => {
    const topic = await site.kafka.topic()
    await site.kafka.produce(topic, envelopes)
    const before = server.messages().length
    const worker = await site.start({
      CFMR_OUTPUT: 'syslog',
      CFMR_INFLUXDB_ADDR: '',
      CFMR_INFLUXDB_DATABASE: '',
      CFMR_KAFKA_TOPICS: topic,
      CFMR_SYSLOG_URL: `${protocol}://127.0.0.1:${server.ports[protocol]}`,
      ...(protocol === 'tls' && { CFMR_SYSLOG_TLSCA: certificates.ca }),
      ...more,
    })
    await site.committed(worker, topic)
    const { outputs, ledger } = await worker.stats()
    expect(outputs['syslog']).toMatchObject({ ack, records: logCount, refused: 0, repeated: 0, in_flight: 0 })
    expect(ledger).toMatchObject({ consumed: ENVELOPES, written: logCount, discarded: ENVELOPES - logCount, residue: 0 })
    // Over UDP some may be lost: nothing can be said of those.
    const least = protocol === 'udp' ? 1 : logCount
    await worker.waitUntil('they are in its file', async () => server.messages().length - before >= least)
    expect(await worker.stop()).toEqual({ code: 0, signal: undefined })
    const messages = server.messages().slice(before)
    const ids = new Set(messages.map((message) => /event_id="([\w-]{22})"/.exec(message)?.[1]))
    expect(messages.length).toBeLessThanOrEqual(logCount)
    expect(ids.size).toBe(messages.length)
    for (const message of messages)
      expect(message).toMatch(/^<1[14]>1 \S+Z?\+00:00 \S+ [0-9a-f-]{36} \[\S+\] - \[tags@47450 organization_id=/)
  })
})

it('over UDP what nobody listens to is sent again, and is there once when rsyslog is back', async () => {
  const { syslog, lines } = output({ protocol: 'udp', host: '127.0.0.1', port: server.ports.udp }, { flushRetries: -1 })
  const before = server.messages().length
  await server.kill()
  const sent = Array.from({ length: 20 }, (_, number) => `<14>1 2026-01-01T00:00:00Z host app - - - message ${number}`)
  const writing = syslog.write(records(...sent), never)
  await expect.poll(() => syslog.failures).toBeGreaterThan(3)
  expect(syslog.records).toBe(0)
  expect(syslog.notReady()).toEqual([expect.stringMatching(/ECONNREFUSED/)])
  await server.restart()
  expect(await writing).toEqual([])
  await expect.poll(() => server.messages().slice(before)).toEqual(sent)
  expect(lines).toContainEqual(expect.objectContaining({ level: 'WARN', error: expect.stringMatching(/ECONNREFUSED/) }))
  await syslog.close()
})

describe('over TLS', () => {
  it.each([
    ['an authority that did not sign its certificate', { ca: 'otherCa' as const }],
    ['no authority of ours', {}],
  ])('with %s nothing is sent', async (_, { ca }: { ca?: 'otherCa' }) => {
    const { syslog } = output({ protocol: 'tls', host: '127.0.0.1', port: server.ports.tls }, { ca: ca && certificates[ca] })
    await expect(syslog.start(never)).rejects.toThrow(/did not answer within 0 s: .*certificate/i)
    await syslog.close()
  })
})

/** A receiver that does what a test says. */
class Receiver {
  readonly sockets: Socket[] = []
  received = ''
  readonly #server: Server

  private constructor(onData: (receiver: Receiver, socket: Socket, chunk: string) => void) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        this.received += chunk.toString()
        onData(this, socket, chunk.toString())
      })
    })
  }

  static async start(onData: (receiver: Receiver, socket: Socket, chunk: string) => void): Promise<Receiver> {
    const receiver = new Receiver(onData)
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', () => resolve()))
    return receiver
  }

  address(protocol: 'tcp' | 'relp') {
    return { protocol, host: '127.0.0.1', port: (this.#server.address() as { port: number }).port }
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

/** Answers each command as `answer` says; undefined is silence. */
function relpReceiver(answer: (message: string, session: number) => string | undefined): Promise<Receiver> {
  return Receiver.start((receiver, socket, chunk) => {
    for (const [, number, name, text = ''] of chunk.matchAll(/(\d+) (open|syslog|close) \d+(?: (.*))?\n/g)) {
      const said = name === 'syslog' ? answer(text, receiver.sockets.length) : '200 OK'
      if (said === 'gone') socket.destroy()
      else if (said?.startsWith('0 ') === true) socket.write(said)
      else if (said !== undefined) socket.write(`${number} rsp ${said.length} ${said}\n`)
    }
  })
}

describe('over RELP', () => {
  let receiver: Receiver
  afterEach(() => receiver?.close())

  it('messages that were not answered when the session ended are sent again, the others are not', async () => {
    receiver = await relpReceiver((message, session) => (message === 'b' && session === 1 ? 'gone' : '200 OK'))
    const { syslog } = output(receiver.address('relp'))
    expect(await syslog.write(records('a', 'b', 'c'), never)).toEqual([])
    expect(receiver.received.match(/syslog 1 \w/g)?.at(-2)).toBe('syslog 1 b')
    expect(syslog).toMatchObject({ records: 3, retries: 1, failures: 1 })
    await syslog.close()
  })

  it('a message that is refused is held, and holds no other; an ERROR says so', async () => {
    receiver = await relpReceiver((message) => (message === 'b' ? '500 no room' : '200 OK'))
    const { syslog, lines } = output(receiver.address('relp'))
    expect(await syslog.write(records('a', 'b', 'c'), never)).toEqual([{ record: 1, reason: '500 no room', isHeld: true }])
    expect(syslog.records).toBe(2)
    expect(lines).toMatchObject([
      { level: 'ERROR', error: '500 no room', msg: expect.stringContaining('does not take messages over RELP') },
    ])
    await syslog.close()
  })

  it.each([
    ['says nothing', () => undefined, 'no answer within 0.2 s'],
    ['ends the session', () => '0 serverclose 0\n', 'the receiver ends the session'],
    ['closes the connection', () => 'gone', 'the receiver closed the connection'],
    ['speaks something else', () => `0 ${'x'.repeat(100)}\n`, 'what the receiver says is no RELP'],
  ])('a receiver that %s is tried as often as was asked for', async (_, answer, reason) => {
    receiver = await relpReceiver(answer)
    const { syslog } = output(receiver.address('relp'), { timeoutMs: 200, flushRetries: 2 })
    const given = await syslog.write(records('a'), never).catch((error: unknown) => error)
    expect(given).toBeInstanceOf(GaveUp)
    expect((given as Error).message).toContain(`did not take a batch, tried 3 times: ${reason}`)
    expect(receiver.received.match(/syslog 1 a/g)).toHaveLength(3)
    await syslog.close()
  })

  it('at most 128 messages are without an answer', async () => {
    let most = 0
    let open = 0
    receiver = await Receiver.start((_, socket, chunk) => {
      const numbers = [...chunk.matchAll(/(\d+) (?:open|syslog|close) \d+/g)].map(([, number]) => number)
      open += numbers.length
      most = Math.max(most, open)
      setTimeout(() => {
        open -= numbers.length
        socket.write(numbers.map((number) => `${number} rsp 6 200 OK\n`).join(''))
      }, 5)
    })
    const { syslog } = output(receiver.address('relp'))
    const texts = Array.from({ length: 1000 }, (_, number) => `message ${number}`)
    expect(await syslog.write(records(...texts), never)).toEqual([])
    expect(most).toBe(128)
    expect(receiver.received.match(/message \d+/g)).toEqual(texts)
    await syslog.close()
  })

  it('a stop ends a write that waits for an answer', async () => {
    receiver = await relpReceiver(() => undefined)
    const { syslog } = output(receiver.address('relp'))
    const stop = new AbortController()
    const write = syslog.write(records('a'), stop.signal)
    while (!receiver.received.includes('syslog')) await new Promise((resolve) => setTimeout(resolve, 5))
    stop.abort(new Error('stopped'))
    await expect(write).rejects.toThrow('stopped')
    await syslog.close()
  })
})

describe('over TCP', () => {
  let receiver: Receiver
  afterEach(() => receiver?.close())

  it('a receiver that has closed its side gets nothing more there, and what was written last once more on the next connection', async () => {
    receiver = await Receiver.start(() => {})
    const { syslog } = output(receiver.address('tcp'))
    await syslog.write(records('a', 'b'), never)
    while (receiver.received !== '2 a\n2 b\n') await new Promise((resolve) => setTimeout(resolve, 5))
    receiver.sockets[0]?.end()
    await new Promise((resolve) => receiver.sockets[0]?.once('close', resolve))
    receiver.received = ''
    await syslog.write(records('c'), never)
    while (receiver.received !== '2 a\n2 b\n2 c\n') await new Promise((resolve) => setTimeout(resolve, 5))
    expect(syslog).toMatchObject({ records: 3, repeated: 2 })
    await syslog.close()
  })

  it('no more is written again than was asked for', async () => {
    receiver = await Receiver.start(() => {})
    const { syslog } = output(receiver.address('tcp'), { windowBytes: 5 })
    await syslog.write(records('a', 'b', 'c', 'd'), never)
    while (receiver.received.length < 16) await new Promise((resolve) => setTimeout(resolve, 5))
    receiver.received = ''
    receiver.sockets[0]?.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await syslog.write(records('e'), never)
    while (!receiver.received.includes('e')) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(receiver.received).toBe('2 d\n2 e\n')
    await syslog.close()
  })
})
