import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { makeCertificates } from '../../../../dev/certificates.ts'
import { scratchFolder } from '../../../../dev/scratch-folder.ts'
import { parseEngineAddress } from '../../../../src/inputs/docker/engine/address.ts'
import { Engine } from '../../../../src/inputs/docker/engine/engine.ts'
import { jsonLines, parseExactJson } from '../../../../src/inputs/docker/engine/json-lines.ts'
import { commonVersion } from '../../../../src/inputs/docker/engine/version.ts'
import { breakOnceSent } from '../../../support/fake-docker-scene.ts'

const never = new AbortController().signal

/** An engine on a unix socket that answers as told, and to a ping with its version. */
async function engineThat(answer: RequestListener, version = '1.41', { timeoutMs = 10_000 } = {}): Promise<Engine> {
  const path = join(scratchFolder('engine'), 'docker.sock')
  const server = createServer((request, response) => {
    if (request.url === '/_ping') response.writeHead(200, { 'api-version': version, server: 'Docker/20.10.24 (linux)' }).end('OK')
    else answer(request, response)
  })
  await once(server.listen(path), 'listening')
  const engine = new Engine({ address: { kind: 'unix', path }, timeoutMs })
  onTestFinished(async () => {
    await engine.close()
    server.closeAllConnections()
    server.close()
  })
  return engine
}

it('speaks the version that both know, and keeps integers that no double holds', async () => {
  const paths: (string | undefined)[] = []
  const engine = await engineThat((request, response) => {
    paths.push(request.url)
    response.end('{"timeNano":1764241515123456789,"name":"a 1764241515123456789","n":7,"f":0.1234567890123456}')
  })
  expect(await engine.connect(never)).toBe('1.41')
  expect(await engine.json('/info', { all: true, none: undefined }, 'ask', never)).toEqual({
    timeNano: '1764241515123456789',
    name: 'a 1764241515123456789',
    n: 7,
    f: 0.1234567890123456,
  })
  expect(paths).toEqual(['/v1.41/info?all=true'])
})

it('takes for a long integer only what is one: never what looks like it within a text', () => {
  const member = '"n":1764241515123456789'
  const texts = [`{${member}}`, `x":1764241515123456789,`, ':1764241515123456789,', '\\', 'a\\":1764241515123456789}']
  const value = { texts, [`odd key\\`]: 1, nested: { z: -7 } }
  expect(parseExactJson(JSON.stringify(value))).toEqual(value)
  expect(parseExactJson(`{"a":{${member}, "m" : -1764241515123456789\n},"short":123456789012345}`)).toEqual({
    a: { n: '1764241515123456789', m: '-1764241515123456789' },
    short: 123456789012345,
  })
})

it('an answer that does not come in time, or in full, is a failure that says so; one that is not wanted any more ends at once', async () => {
  const engine = await engineThat(
    (request, response) => {
      if (request.url?.includes('/half')) response.write('{"half":')
      if (request.url?.includes('/broken')) response.write('{"half":', () => response.destroy())
    },
    '1.41',
    { timeoutMs: 300 },
  )
  await engine.connect(never)
  await expect(engine.json('/nothing', {}, 'ask', never)).rejects.toThrow(/ask: no answer within 0\.3 s.*overloaded/)
  await expect(engine.json('/half', {}, 'ask', never)).rejects.toThrow(/ask: no answer within 0\.3 s/)
  await expect(engine.json('/broken', {}, 'ask', never)).rejects.toThrow(/Docker engine at unix:.*: ask: /)
  const stop = new AbortController()
  const asked = engine.json('/nothing', {}, 'ask', stop.signal)
  stop.abort(new Error('stopped'))
  await expect(asked).rejects.toThrow('stopped')
  await expect(engine.json('/nothing', {}, 'ask', stop.signal)).rejects.toThrow('stopped')
})

it('says of an engine that is too old which versions it can speak', async () => {
  const engine = await engineThat((_, response) => response.end(), '1.24')
  await expect(engine.connect(never)).rejects.toThrow(/found API version 1\.24, expected 1\.40 to 1\.52/)
  expect(commonVersion('1.60')).toBe('1.52')
})

it('says what the engine refuses in its own words, and where there is no socket, what to look at', async () => {
  const engine = await engineThat((_, response) => response.writeHead(404).end('{"message":"No such container: x"}'))
  await engine.connect(never)
  await expect(engine.json('/containers/x/json', {}, 'inspect', never)).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining('inspect: 404 Not Found: No such container: x'),
  })
  const absent = new Engine({ address: { kind: 'unix', path: join(scratchFolder('none'), 'x.sock') }, timeoutMs: 10_000 })
  await expect(absent.connect(never)).rejects.toThrow(/There is no such socket.*CFMR_DOCKER_HOST/)
  await absent.close()
})

it('reads objects of a stream however HTTP cuts it, passes over what is none, and throws where it breaks', async () => {
  const engine = await engineThat((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
    response.write('{"a":1}\n{"a"')
    setImmediate(() => {
      response.write(`:2}\nnot json\n\u001e{"a":3}\n{"x":"${'x'.repeat(100)}"}\n`)
      breakOnceSent(response)
    })
  })
  await engine.connect(never)
  const { contentType, chunks } = await engine.stream('/events', {}, 'read events', never)
  expect(contentType).toBe('application/json')
  const frames: unknown[] = []
  const reading = (async () => {
    for await (const frame of jsonLines(chunks, 50)) frames.push('json' in frame ? frame.json : 'damaged')
  })()
  await expect(reading).rejects.toThrow(/read events: the stream broke/)
  expect(frames).toEqual([{ a: 1 }, { a: 2 }, 'damaged', { a: 3 }, 'damaged'])
})

it('reads addresses as DOCKER_HOST has them', () => {
  expect(parseEngineAddress('unix:///var/run/docker.sock', false)).toEqual({ kind: 'unix', path: '/var/run/docker.sock' })
  expect(parseEngineAddress('tcp://[::1]:2375', false)).toEqual({ kind: 'tcp', host: '[::1]', port: 2375 })
  expect(parseEngineAddress('tcp://engine', true)).toEqual({ kind: 'tcp', host: 'engine', port: 2376 })
  for (const wrong of ['engine', 'unix://docker.sock', 'tcp://engine:70000', 'npipe://x'])
    expect(parseEngineAddress(wrong, false)).toBeUndefined()
})

it('speaks TLS with a certificate of its own, and tells what it does not trust', async () => {
  const folder = scratchFolder('engine-tls')
  const { ca, serverKeyStore, clientCertificate, clientKey, otherCa } = makeCertificates(folder)
  const read = (file: string) => readFileSync(file, 'utf8')
  const store = read(serverKeyStore)
  const server = createTlsServer(
    { key: store, cert: store, ca: read(ca), requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      response.setHeader('api-version', '1.43')
      response.end(request.url === '/_ping' ? 'OK' : '{"a":1}\n')
    },
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const engineWith = (tls: ConstructorParameters<typeof Engine>[0]['tls']) => {
    const engine = new Engine({ address: { kind: 'tcp', host: '127.0.0.1', port }, tls, timeoutMs: 10_000 })
    onTestFinished(() => engine.close())
    return engine
  }
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = { cert: read(clientCertificate), key: read(clientKey) }
  const engine = engineWith({ ca: read(ca), ...client })
  expect(await engine.connect(never)).toBe('1.43')
  expect(await engine.json('/info', {}, 'ask', never)).toEqual({ a: 1 })
  const { chunks } = await engine.stream('/events', {}, 'read events', never)
  const frames: unknown[] = []
  for await (const frame of jsonLines(chunks)) frames.push(frame)
  expect(frames).toEqual([{ json: { a: 1 } }])
  await expect(engineWith({ ca: read(otherCa), ...client }).connect(never)).rejects.toThrow(/not trusted .*CFMR_DOCKER_TLSCA/)
  await expect(engineWith({ ca: read(ca) }).connect(never)).rejects.toThrow(/CFMR_DOCKER_TLSCERT|closed|reset/i)
  await expect(engineWith(undefined).connect(never)).rejects.toThrow(/Docker engine at tcp:/)
})
