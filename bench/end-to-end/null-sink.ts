import { createServer } from 'node:http'

/** Says yes to every write and keeps nothing. A process of its own; its first line of output is its port. */
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume().once('end', () => response.writeHead(204).end())
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
