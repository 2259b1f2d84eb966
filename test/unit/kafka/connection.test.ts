import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import kafkajs, { type ISocketFactory } from 'kafkajs'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { waitUntil } from '../../../dev/wait-until.ts'
import { kafkaConfig } from '../../../src/kafka/connection.ts'

const DISCONNECTS = 20
const servers: Server[] = []
const warnings: Error[] = []
const collect = (warning: Error) => void warnings.push(warning)

beforeEach(() => {
  process.on('warning', collect)
})

afterEach(() => {
  process.off('warning', collect)
  warnings.length = 0
  for (const server of servers.splice(0)) server.close()
})

/** Takes connections and says nothing. */
async function silentPort(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).unref()).unref()
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

async function closedPort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

const configOf = (port: number, ssl: boolean) =>
  kafkaConfig({ brokers: [`127.0.0.1:${port}`], clientId: 'test', ssl, log: pino({ enabled: false }) })

function socketTo(port: number, ssl: boolean): Socket {
  const { socketFactory } = configOf(port, ssl)
  const socket = (socketFactory as ISocketFactory)({
    host: '127.0.0.1',
    port,
    ssl: ssl ? { rejectUnauthorized: false } : (undefined as never),
    onConnect: () => {},
  })
  return socket.on('error', () => {})
}

/** As kafkajs does it. */
function disconnect(socket: Socket): void {
  socket.end()
  socket.unref()
}

async function expectQuiet(socket: Socket): Promise<void> {
  const before = socket.listenerCount('connect')
  for (let i = 0; i < DISCONNECTS; i++) disconnect(socket)
  // The first end() of a socket that is connecting waits for that.
  expect(socket.listenerCount('connect')).toBeLessThanOrEqual(before + 1)
  expect(socket.destroyed).toBe(true)
  // Node tells of warnings in the next tick.
  await new Promise(setImmediate)
  expect(warnings).toEqual([])
}

describe.each([
  ['TCP', false],
  ['TLS', true],
])('a socket over %s that is given up again and again is gone, and Node has nothing to warn of', (_, ssl) => {
  it('where nobody listens', async () => {
    const socket = socketTo(await closedPort(), ssl)
    await waitUntil('the connection is refused', () => socket.destroyed)
    await expectQuiet(socket)
  })

  it('while it is still connecting', async () => {
    const socket = socketTo(await silentPort(), ssl)
    expect(socket.connecting).toBe(true)
    await expectQuiet(socket)
  })
})

it('a TLS socket whose peer never answers is gone when it is given up', async () => {
  const socket = socketTo(await silentPort(), true)
  await once(socket, 'connect')
  await expectQuiet(socket)
})

it('a socket that has been closed since is left alone, and one that is open sends what it has before it ends', async () => {
  const received: Buffer[] = []
  const server = createServer((socket) => socket.on('data', (bytes) => received.push(bytes)).on('end', () => socket.end()))
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = socketTo((server.address() as AddressInfo).port, false)
  await once(socket, 'connect')
  socket.write('the last words')
  disconnect(socket)
  expect(socket.destroyed).toBe(false)
  await waitUntil('it is closed', () => socket.resume().destroyed)
  expect(Buffer.concat(received).toString()).toBe('the last words')
  await expectQuiet(socket)
})

it('a client whose brokers are all away can be disconnected any number of times without a warning', async () => {
  const config = configOf(await closedPort(), false)
  const sockets: Socket[] = []
  const socketFactory: ISocketFactory = (options) => {
    const socket = (config.socketFactory as ISocketFactory)(options)
    sockets.push(socket)
    return socket
  }
  const admin = new kafkajs.Kafka({ ...config, socketFactory, retry: { retries: 0 } }).admin()
  await expect(admin.connect()).rejects.toThrow()
  for (let i = 0; i < DISCONNECTS; i++) await admin.disconnect()
  expect(sockets.length).toBeGreaterThan(0)
  for (const socket of sockets) expect(socket.listenerCount('connect')).toBeLessThan(3)
  expect(warnings).toEqual([])
})
