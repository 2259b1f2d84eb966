import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy } from '../../../dev/proxy.ts'

describe('the fault proxy', () => {
  let echo: Server
  let received: string
  let proxy: FaultProxy
  const clients: Socket[] = []

  beforeEach(async () => {
    received = ''
    echo = createServer((socket) => {
      socket.on('data', (chunk) => {
        received += chunk
      })
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    await once(echo.listen(0, '127.0.0.1'), 'listening')
    proxy = await FaultProxy.start({ targetPort: (echo.address() as { port: number }).port })
  })

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    await proxy.close()
    echo.close()
  })

  const dial = async () => {
    const client = connect(proxy.port, '127.0.0.1')
    client.on('error', () => {})
    clients.push(client)
    await once(client, 'connect')
    return client
  }
  const closed = (client: Socket) => new Promise<void>((resolve) => client.once('close', () => resolve()))
  const answer = async (client: Socket) => String((await once(client, 'data'))[0])

  it('passes both ways while healed', async () => {
    const client = await dial()
    client.write('hello')
    expect(await answer(client)).toBe('hello')
  })

  it('passes all of an answer whose sender closes behind it', async () => {
    const client = await dial()
    const size = 3_000_000
    let got = 0
    client.on('data', (chunk) => {
      got += chunk.length
    })
    client.end(Buffer.alloc(size))
    await closed(client)
    expect(got).toBe(size)
  })

  it('resets what is open when cut, and takes new connections', async () => {
    const client = await dial()
    client.write('a')
    await answer(client)
    proxy.cut()
    await closed(client)
    const second = await dial()
    second.write('again')
    expect(await answer(second)).toBe('again')
  })

  it('refuses until it is healed, on the same port', async () => {
    const { port } = proxy
    await proxy.refuse()
    const refused = connect(port, '127.0.0.1')
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
    await proxy.heal()
    expect(proxy.port).toBe(port)
    const client = await dial()
    client.write('back')
    expect(await answer(client)).toBe('back')
  })

  it('holds what is sent while frozen, and delivers it when healed', async () => {
    const client = await dial()
    client.write('a')
    await answer(client)
    proxy.freeze()
    await new Promise((resolve) => client.write('b', resolve))
    const other = await dial()
    await new Promise((resolve) => other.write('c', resolve))
    expect(received).toBe('a')
    await proxy.heal()
    expect(await answer(client)).toBe('b')
  })

  it('lets requests through and keeps their answers', async () => {
    const client = await dial()
    let answered = ''
    client.on('data', (chunk) => {
      answered += chunk
    })
    proxy.swallowAnswers()
    client.write('question')
    await expect.poll(() => received).toBe('question')
    expect(answered).toBe('')
    proxy.cut()
    await closed(client)
    expect(answered).toBe('')
  })

  it('that spares its target resets clients, and the target sees an ordinary end behind all that was sent', async () => {
    let ended = false
    const errors: Error[] = []
    let text = ''
    const target = createServer((socket) => {
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('error', (error) => errors.push(error))
      socket.on('end', () => {
        ended = true
      })
    })
    await once(target.listen(0, '127.0.0.1'), 'listening')
    const gentle = await FaultProxy.start({ targetPort: (target.address() as { port: number }).port, sparesTarget: true })
    const client = connect(gentle.port, '127.0.0.1')
    client.on('error', () => {})
    clients.push(client)
    client.write('sent')
    await expect.poll(() => text).toBe('sent')
    await Promise.all([closed(client), gentle.refuse()])
    await expect.poll(() => ended).toBe(true)
    expect(errors).toEqual([])
    target.close()
  })
})
