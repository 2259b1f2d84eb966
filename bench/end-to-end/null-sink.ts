import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/**
 * Says yes to every write and keeps nothing. A process of its own; its first line of output is its port. Argument: a PEM file with
 * the key and the certificate of a server that speaks TLS.
 */
const answer: RequestListener = (request, response) => {
  request.resume().once('end', () => response.writeHead(204).end())
}
const [, , keyStore] = process.argv
const options = { keepAliveTimeout: 60_000 }
const pem = keyStore === undefined ? undefined : readFileSync(keyStore)
const server = pem === undefined ? createServer(options, answer) : createTlsServer({ ...options, key: pem, cert: pem }, answer)
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
