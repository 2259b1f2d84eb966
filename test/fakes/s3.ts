import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface FakePut {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface FakeS3 {
  readonly url: string
  /** In the order they came. */
  readonly puts: readonly FakePut[]
  /** What it answers to a PUT; 200 without a body by default. May be changed at any time. */
  onPut: (put: FakePut, number: number) => { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  /** What it answers to a GET. */
  onGet: (url: string) => { readonly status: number; readonly body: string }
  close(): Promise<void>
}

/** As S3 says what is wrong. */
export const s3Error = (code: string, message = '') =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><StringToSign>what was sent</StringToSign></Error>`

/** An S3 that answers as told, whatever it is sent. */
export async function startFakeS3(): Promise<FakeS3> {
  const puts: FakePut[] = []
  const server = createServer(async (request, response) => {
    const { url = '', headers, method } = request
    const put = { url, headers, body: await buffer(request) }
    const answer: ReturnType<FakeS3['onPut']> = method === 'PUT' ? fake.onPut(put, puts.push(put)) : fake.onGet(url)
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const fake: FakeS3 = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    puts,
    onPut: () => ({ status: 200 }),
    onGet: () => ({ status: 200, body: '<ListBucketResult/>' }),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}
