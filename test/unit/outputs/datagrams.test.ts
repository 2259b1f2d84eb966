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
  onTestFinished(() => void server.close())
  return received
}

test('where nobody listens the host says so, and once somebody does all that is sent arrives', async () => {
  const [port = 0] = await freePorts(1)
  const datagrams = datagramsTo(port)
  await expect
    .poll(() =>
      datagrams.send(Buffer.from('lost')).then(
        () => 'taken',
        (error) => error.code,
      ),
    )
    .toBe('ECONNREFUSED')
  const received = await listen(port)
  const sent = Array.from({ length: 100 }, (_, number) => String(number))
  for (const text of sent) await datagrams.send(Buffer.from(text))
  await expect.poll(() => received).toEqual(sent)
})

test('a name without an address is an error, and the next try asks again', async () => {
  const datagrams = datagramsTo(8125, 'no-such-host.invalid')
  for (let i = 0; i < 2; i++) await expect(datagrams.send(Buffer.from('text'))).rejects.toThrow(/no-such-host\.invalid/)
})
