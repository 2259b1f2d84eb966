import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request } from 'undici'

/**
 * Stands before InfluxDB and counts the points it took: what is stored says nothing of repeats, which land on themselves.
 * A write that was answered with anything but a 2xx, or with nothing, is not counted.
 */
export class PointCounter {
  readonly url: string
  points = 0
  readonly #server: ReturnType<typeof createServer>

  private constructor(server: ReturnType<typeof createServer>, targetUrl: string) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => void this.#pass(targetUrl, incoming, outgoing))
  }

  static async start(targetUrl: string): Promise<PointCounter> {
    const server = createServer({ keepAliveTimeout: 60_000 })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new PointCounter(server, targetUrl)
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #pass(targetUrl: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { host: _, connection: __, 'transfer-encoding': ___, ...headers } = incoming.headers
    const aborted = new AbortController()
    outgoing.once('close', () => aborted.abort())
    try {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const answer = await request(targetUrl + incoming.url, {
        method: incoming.method as 'GET' | 'POST',
        headers,
        body: body.length > 0 ? body : null,
        signal: aborted.signal,
        headersTimeout: 120_000,
      })
      if (incoming.method === 'POST' && answer.statusCode < 300) this.points += linesIn(body)
      outgoing.writeHead(answer.statusCode, answer.headers as Record<string, string>)
      outgoing.end(Buffer.from(await answer.body.arrayBuffer()))
    } catch {
      outgoing.socket?.resetAndDestroy()
    }
  }
}

function linesIn(body: Buffer): number {
  let count = 0
  for (let at = body.indexOf(10); at !== -1; at = body.indexOf(10, at + 1)) count++
  return body.length > 0 && body[body.length - 1] !== 10 ? count + 1 : count
}
