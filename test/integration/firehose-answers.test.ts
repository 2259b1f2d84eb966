import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { waitUntil } from '../../dev/wait-until.ts'
import { LogStream } from '../../src/cloud-foundry/log-stream.ts'
import { Secrets } from '../../src/lib/secrets.ts'
import { Reader, startFoundation } from '../support/firehose.ts'
import { quietLog } from '../support/quiet-log.ts'

const TOKEN = 'opaque-token/of+the=account-0123456789abcdef'

/** A place that is no gateway, and an input that takes it for one. */
async function readerOf(listener: RequestListener, path = '') {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const { log } = quietLog()
  const access = new LogStream({
    ...{ api: 'http://127.0.0.1:9', token: TOKEN, timeoutMs: 10_000, retries: 0, skipSslValidation: false, resultsPerPage: 500, log },
    ...{ secrets: new Secrets([TOKEN]), url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}` },
  })
  return new Reader(await startFoundation(), { access, streams: 1 })
}

it.each<[string, RequestListener]>([
  ['in its body', ({ headers }, response) => response.writeHead(500).end(`what is ${headers.authorization}?`)],
  ['in its body, cut', ({ headers }, response) => response.writeHead(500).end(`${'x'.repeat(150)} ${headers.authorization}`.slice(0, -10))],
  ['in the header of the router', ({ headers }, response) => response.writeHead(502, { 'x-cf-routererror': headers.authorization }).end()],
  ['in words that are no HTTP', ({ headers, socket }) => socket.end(`HTTP/1.1 200 ${headers.authorization}\nno-colon ${TOKEN}\r\n\r\n`)],
])('an answer that quotes the token %s: nobody sees it', async (_, listener) => {
  const reader = await readerOf(listener)
  await waitUntil('it was tried', () => reader.input.failures > 0)
  const seen = JSON.stringify([reader.lines, reader.input.notReady(), reader.input.lastError, reader.input.figures()])
  expect(seen).toContain('127.0.0.1')
  for (let at = 0; at + 12 <= TOKEN.length; at++) expect(seen).not.toContain(TOKEN.slice(at, at + 12))
})

it('a place that answers 200 with a page is no gateway that takes no more streams, and is said to be none', async () => {
  const reader = await readerOf((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>'))
  await waitUntil('it was tried', () => reader.input.failures > 1)
  expect(reader.reconnects).toEqual({ refused: expect.any(Number) })
  expect(reader.input.lastError).toMatch(/answers 200: <h1>Log in<\/h1>\. Is it the gateway .* Look at CFMR_FIREHOSE_URL$/)
  expect(reader.lines.find(({ level }) => level === 'ERROR')).toMatchObject({ cause: 'refused' })
})
