import { expect, it } from 'vitest'
import { Batch } from '../../../src/flow/batch.ts'
import type { Ack } from '../../../src/flow/contracts.ts'
import { RecordedAck, textsOf } from '../../fakes/lines.ts'

function add(batch: Batch, ack: Ack, index: number, text = `m v=1 ${index}`, value = `{"n":${index}}`): void {
  batch.lines.reserve(text.length + 1)
  batch.lines.appendText(`${text}\n`)
  batch.add(ack, index, Buffer.from(value))
}

it('is the lines that were appended, with their ends', () => {
  const batch = new Batch({ keepsValues: false })
  const ack = new RecordedAck()
  for (let i = 0; i < 3000; i++) add(batch, ack, i)
  expect(batch.count).toBe(3000)
  expect(textsOf(batch)).toEqual(Array.from({ length: 3000 }, (_, i) => `m v=1 ${i}`))
  expect(Buffer.from(batch.bytes).toString('utf8', batch.endOf(1999), batch.endOf(2000))).toBe('m v=1 2000\n')
})

it('settles each message of each delivery once, runs of them together', () => {
  const batch = new Batch({ keepsValues: false })
  const [first, second] = [new RecordedAck(), new RecordedAck()]
  for (const index of [0, 1, 2, 5, 6]) add(batch, first, index)
  for (const index of [0, 1]) add(batch, second, index)
  add(batch, first, 9)
  batch.settleWritten([])
  expect([...first.fates.keys()]).toEqual([0, 1, 2, 5, 6, 9])
  expect([...second.fates.keys()]).toEqual([0, 1])
  expect([first.calls, second.calls]).toEqual([3, 1])
})

it('leaves refused messages unsettled, and gives what is to be done about them', () => {
  const batch = new Batch({ keepsValues: true })
  const [first, second, gone] = [new RecordedAck('one'), new RecordedAck('two'), new RecordedAck('three')]
  for (let i = 0; i < 4; i++) add(batch, first, i)
  for (let i = 0; i < 2; i++) add(batch, second, i, 'm v=2 0', `second ${i}`)
  add(batch, gone, 0)
  gone.isOpen = false
  const refused = [1, 3, 5, 6].map((record) => ({ record, reason: `bad ${record}` }))
  batch.settleWritten(refused)
  expect([...first.fates, ...second.fates]).toEqual([0, 2, 0].map((index) => [index, 'written']))

  const dead = batch.undeliverable(refused, 'influxdb')
  batch.reset()
  add(batch, first, 9, 'm v=9 9', 'overwrites what was kept')
  expect(dead.map(({ topic, offset, error, value }) => [topic, offset, error, String(value)])).toEqual([
    ['one', '1001', 'bad 1', '{"n":1}'],
    ['one', '1003', 'bad 3', '{"n":3}'],
    ['two', '1001', 'bad 5', 'second 1'],
  ])
})

it('keeps no message where nobody needs it, but its size', () => {
  const batch = new Batch({ keepsValues: false })
  add(batch, new RecordedAck(), 0, 'm v=1 1', 'twelve bytes')
  expect(batch.sizeBytes).toBe('m v=1 1\n'.length)
  expect(batch.undeliverable([{ record: 0, reason: 'bad' }], 'influxdb')).toMatchObject([{ sizeBytes: 12, value: undefined }])
})

it('does not keep the memory of a few very large messages', () => {
  const batch = new Batch({ keepsValues: true })
  const ack = new RecordedAck()
  const value = Buffer.alloc(20 * 2 ** 20)
  batch.lines.appendText('m v=1 1\n')
  const before = process.memoryUsage().arrayBuffers
  batch.add(ack, 0, value)
  batch.reset()
  globalThis.gc?.()
  expect(batch.sizeBytes).toBe(0)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(globalThis.gc ? 2 ** 20 : Number.POSITIVE_INFINITY)
})

it('of a place takes little memory before it holds much: there may be thousands of them', () => {
  const bytes = (place?: string) => new Batch({ keepsValues: false, place }).lines.bytes.length
  expect(bytes('x')).toBeLessThan(2048)
  expect(bytes()).toBeGreaterThan(60_000)
})
