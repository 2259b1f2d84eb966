import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readWholeAnswers, takeWholeAnswers } from '../../src/kafka/whole-answers.ts'

/** Its length in 4 bytes, then as many. */
function answer(content: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}

/** What a kernel does: it puts as many bytes into the buffer as it has and as fit in, at most `most`. */
function reader(take: (answer: Buffer) => void) {
  const { buffer, callback } = readWholeAnswers(take)
  return (bytes: Uint8Array, most: () => number) => {
    for (let at = 0; at < bytes.length; ) {
      const free = (buffer as () => Uint8Array)()
      expect(free.length).toBeGreaterThan(0)
      const length = Math.min(free.length, bytes.length - at, most())
      free.set(bytes.subarray(at, at + length))
      callback(length, free)
      at += length
    }
  }
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 15_000, max: 70_000 }))
    .map(([byte, length]) => new Uint8Array(length).fill(byte)),
)

/** Some so few that a length is cut apart. */
const most = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 50_000 }))

test('however the bytes come, each answer is handed over whole and alone, with its length', () => {
  fc.assert(
    fc.property(fc.array(content, { maxLength: 8 }), fc.array(most, { minLength: 1 }), (contents, mosts) => {
      const answers = contents.map(answer)
      const taken: Buffer[] = []
      let turn = 0
      reader((one) => taken.push(one))(Buffer.concat(answers), () => mosts[turn++ % mosts.length] as number)
      expect(taken.length).toBe(answers.length)
      for (const [index, one] of answers.entries()) expect(one.equals(taken[index] as Buffer)).toBe(true)
    }),
    // One answer, and all but a byte of the length of the next one.
    { examples: [[[new Uint8Array(5), new Uint8Array(300)], [12]]] },
  )
})

test('what was handed over is never written to again', () => {
  const taken: Buffer[] = []
  const read = reader((one) => taken.push(one))
  for (let i = 0; i < 50; i++) read(answer(new Uint8Array(i % 2 === 0 ? 100 : 20_000).fill(i)), () => 7000)
  for (const [i, one] of taken.entries()) expect(one.subarray(4).every((byte) => byte === i)).toBe(true)
})

test('a very long answer is handed over in pieces, and what follows it is whole again', () => {
  const long = answer(new Uint8Array(40 * 2 ** 20).fill(7))
  const short = answer(new Uint8Array(3))
  const taken: Buffer[] = []
  reader((one) => taken.push(one))(Buffer.concat([long, short]), () => 2 ** 20)
  expect(Buffer.concat(taken.slice(0, -1)).equals(long)).toBe(true)
  expect(Math.max(...taken.map(({ length }) => length))).toBe(16 * 2 ** 20)
  expect(taken.at(-1)).toEqual(short)
})

test('a socket reads that way, and ends as usual', async () => {
  const answers = [answer(new Uint8Array(5)), answer(new Uint8Array(3_000_000).fill(1)), answer(new Uint8Array(0))]
  const server = createServer((socket) => socket.end(Buffer.concat(answers)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const onread = readWholeAnswers((one) => socket.emit('data', one))
  const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, onread })
  const taken: Buffer[] = []
  socket.on('data', (one) => taken.push(one))
  await once(socket, 'close')
  server.close()
  expect(taken.map(({ length }) => length)).toEqual(answers.map(({ length }) => length))
  expect(Buffer.concat(taken).equals(Buffer.concat(answers))).toBe(true)
})

test('kafkajs takes what is whole as it is, without a copy, and still puts pieces together', () => {
  takeWholeAnswers()
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/connection.js')
  const payloads: Buffer[] = []
  const fulfillRequest = ({ payload }: { readonly payload: Buffer }) => void payloads.push(payload)
  const connection = Object.assign(Object.create(prototype), {
    chunks: [],
    bytesBuffered: 0,
    bytesNeeded: 4,
    requestQueue: { fulfillRequest },
  })
  const whole = [5, 6].map((byte) => answer(new Uint8Array(20_000).fill(byte)))
  for (const one of whole) connection.processData(one)
  expect(payloads.every(({ buffer }, i) => buffer === whole[i]?.buffer)).toBe(true)
  const [long = Buffer.alloc(0)] = whole
  for (const piece of [long.subarray(0, 7000), long.subarray(7000)]) connection.processData(piece)
  expect(payloads[2]?.equals(long.subarray(8))).toBe(true)
})
