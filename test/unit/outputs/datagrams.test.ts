import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../../dev/free-port.ts'
import { Datagrams } from '../../../src/outputs/datagrams.ts'

function datagramsTo(port: number, host = '127.0.0.1'): Datagrams {
  const datagrams = new Datagrams({ host, port })
  onTestFinished(() => datagrams.close())
  return datagrams
}

async function listen(port: number) {
  const server = createSocket('udp4')
  const received: string[] = []
  server.on('message', (message) => received.push(message.toString()))
  server.bind(port, '127.0.0.1')
  await once(server, 'listening')
  let isOpen = true
  const close = async () => {
    if (isOpen) await new Promise<void>((resolve) => server.close(resolve))
    isOpen = false
  }
  onTestFinished(close)
  return { received, close }
}

const texts = (count: number) => Array.from({ length: count }, (_, number) => String(number))
const buffers = (all: readonly string[]) => all.map((text) => Buffer.from(text))

test('what nobody listens to is not taken, however often it is tried, and arrives once somebody does', async () => {
  const [port = 0] = await freePorts(1)
  const datagrams = datagramsTo(port)
  const sent = texts(100)
  for (let i = 0; i < 5; i++) {
    expect(await datagrams.send(buffers(sent))).toMatchObject({ taken: 0, problem: { code: 'ECONNREFUSED' } })
  }
  const { received } = await listen(port)
  expect(await datagrams.send(buffers(sent))).toEqual({ taken: 100 })
  await expect.poll(() => received).toEqual(sent)
})

test('a single datagram that nobody listens to is not taken, though nothing follows it', async () => {
  const [port = 0] = await freePorts(1)
  expect(await datagramsTo(port).send(buffers(['alone']))).toMatchObject({ taken: 0, problem: { code: 'ECONNREFUSED' } })
})

test('a receiver that goes away and comes back gets everything, whatever was under way', async () => {
  const [port = 0] = await freePorts(1)
  const datagrams = datagramsTo(port)
  const sent = texts(400)
  const arrived = new Set<string>()
  let at = 0
  for (const goesAway of [true, true, false]) {
    const { received, close } = await listen(port)
    const sending = datagrams.send(buffers(sent.slice(at)))
    if (goesAway) {
      await expect.poll(() => received.length, { interval: 1 }).toBeGreaterThan(20)
      await close()
    }
    const { taken, problem } = await sending
    expect(problem === undefined).toBe(!goesAway)
    at += taken
    await expect.poll(() => sent.slice(0, at).filter((text) => !arrived.has(text) && !received.includes(text))).toEqual([])
    for (const text of received) arrived.add(text)
  }
  expect(at).toBe(sent.length)
})

test('a name without an address is an error, and the next try asks again', async () => {
  const datagrams = datagramsTo(8125, 'no-such-host.invalid')
  for (let i = 0; i < 2; i++) {
    expect(await datagrams.send(buffers(['text']))).toMatchObject({
      taken: 0,
      problem: { message: expect.stringMatching(/no-such-host\.invalid/) },
    })
  }
})
