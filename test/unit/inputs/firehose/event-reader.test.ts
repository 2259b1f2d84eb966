import { expect, it } from 'vitest'
import { EventReader } from '../../../../src/inputs/firehose/event-reader.ts'

function readerOf(maxBytes?: number) {
  const told: string[] = []
  const reader = new EventReader(
    {
      data: (bytes) => void told.push(`data ${bytes.length > 40 ? bytes.length : bytes}`),
      named: (name) => void told.push(name),
      tooLong: (bytes) => void told.push(`too long ${bytes}`),
    },
    maxBytes,
  )
  return { told, push: (text: string) => reader.push(Buffer.from(text)), reader }
}

it('a line of 14 MB is read, cut into pieces of any size', () => {
  const { told, reader } = readerOf()
  const line = Buffer.from(`data: ${'x'.repeat(14 * 1024 * 1024 - 6)}\n\n`)
  for (let at = 0; at < line.length; at += 65_536) reader.push(line.subarray(at, at + 65_536))
  expect(told).toEqual([`data ${14 * 1024 * 1024 - 6}`])
})

it('an event that is longer than that is left out and told, and the next one is read', () => {
  const { told, push } = readerOf(20)
  push(`data: ${'x'.repeat(30)}`)
  push('yyyy\n')
  push('data: more\n')
  push('\ndata: short\n\n')
  push(`data: ${'z'.repeat(30)}\r\n\r\ndata: last\r\n\r\n`)
  expect(told).toEqual(['too long 50', 'data short', 'too long 37', 'data last'])
})

it('what the end of the stream cuts off is known, and told to nobody', () => {
  const { told, push, reader } = readerOf()
  push('data: whole\n\ndata: {"batch":[{"time')
  expect(told).toEqual(['data whole'])
  expect(reader.unfinishedBytes).toBe('data: {"batch":[{"time'.length)
})

it('an event that has lines but no empty line yet is not finished', () => {
  const { told, push, reader } = readerOf()
  push('data: {}\n')
  expect(told).toEqual([])
  expect(reader.unfinishedBytes).toBeGreaterThan(0)
})

it('heartbeats of old gateways, which are a field of their own, are heartbeats', () => {
  const { told, push } = readerOf()
  push('heartbeat: 1540000000\n\ndata:{"batch":[]}\n\n')
  expect(told).toEqual(['heartbeat', 'data {"batch":[]}'])
})

it('where it is to end, the event that has begun is read, and nothing behind it', () => {
  const { told, push, reader } = readerOf()
  push('data: one\n\ndata: t')
  reader.endAfterEvent()
  expect(reader.isAtEnd).toBe(false)
  push('wo\n')
  push('\ndata: three\n\ndata: fo')
  push('ur\n\n')
  expect(told).toEqual(['data one', 'data two'])
  expect([reader.isAtEnd, reader.unfinishedBytes]).toEqual([true, 0])
})
