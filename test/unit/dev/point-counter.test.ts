import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { request } from 'undici'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { PointCounter } from '../../../dev/point-counter.ts'

let influxDb: Server
let status: number
let counter: PointCounter

beforeEach(async () => {
  status = 204
  influxDb = createServer((incoming, outgoing) => {
    incoming.resume().once('end', () => (status === 0 ? incoming.socket.resetAndDestroy() : outgoing.writeHead(status).end()))
  })
  await once(influxDb.listen(0, '127.0.0.1'), 'listening')
  counter = await PointCounter.start(`http://127.0.0.1:${(influxDb.address() as { port: number }).port}`)
})

afterEach(async () => {
  await counter.close()
  influxDb.close()
})

const write = async (body: string) => {
  const answer = await request(`${counter.url}/write?db=x`, { method: 'POST', body })
  await answer.body.dump()
  return answer.statusCode
}

it('counts the lines of what was taken, with or without the last newline', async () => {
  expect(await write('a v=1 1\nb v=1 1\n')).toBe(204)
  expect(await write('c v=1 1')).toBe(204)
  expect(counter.points).toBe(3)
})

it('counts nothing of what was refused or met silence', async () => {
  status = 500
  expect(await write('a v=1 1\n')).toBe(500)
  status = 0
  await expect(write('a v=1 1\n')).rejects.toThrow()
  expect(counter.points).toBe(0)
})
