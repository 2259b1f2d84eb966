import { describe, expect, it } from 'vitest'
import { HeldMessages } from '../../../src/flow/held-messages.ts'
import { RecordedAck } from '../../fakes/lines.ts'

const ack = new RecordedAck()

describe('HeldMessages', () => {
  it('says of the first message of an app that it has to be asked for', () => {
    const held = new HeldMessages()
    expect(held.hold('a', ack, 0, Buffer.from('one'), [])).toBe(true)
    expect(held.hold('a', ack, 1, Buffer.from('two'), [])).toBe(false)
    expect(held.hold('b', ack, 2, Buffer.from('three'), [])).toBe(true)
    expect(held.guids(1)).toEqual(['a'])
    expect([held.count, held.guidCount]).toEqual([3, 2])
  })

  it('gives out copies, in the order they came, once', () => {
    const held = new HeldMessages()
    const source = Buffer.from('onetwo')
    held.hold('a', ack, 4, source.subarray(0, 3), [])
    held.hold('a', ack, 7, source.subarray(3), [])
    source.fill('x')
    expect(held.release('a').map(({ index, value }) => [index, value.toString()])).toEqual([
      [4, 'one'],
      [7, 'two'],
    ])
    expect(held.release('a')).toEqual([])
    expect(held.count).toBe(0)
  })

  it('forgets what was handed out before a rebalance as soon as something comes after it', () => {
    const held = new HeldMessages()
    const before = new RecordedAck()
    held.hold('a', before, 0, Buffer.from('old'), [])
    before.isOpen = false
    expect(held.hold('a', ack, 0, Buffer.from('new'), [])).toBe(true)
    expect(held.release('a').map(({ value }) => value.toString())).toEqual(['new'])
  })

  it('keeps no more than a few times the memory of what it holds, though one message in a hundred stays', () => {
    const held = new HeldMessages()
    const value = Buffer.alloc(1000, 'x')
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 1000; i++)
        held.hold(i % 100 === 0 ? 'stays' : 'goes', ack, i, Buffer.concat([value, Buffer.from(`${round} ${i}`)]), [])
      held.release('goes')
    }
    const messages = held.release('stays')
    const pages = new Set(messages.map(({ value: { buffer } }) => buffer))
    const pageBytes = [...pages].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(messages.map(({ value: kept }) => kept.subarray(1000).toString()).slice(0, 3)).toEqual(['0 0', '0 100', '0 200'])
    expect(messages).toHaveLength(1000)
    expect(pageBytes).toBeLessThan(8 * 2 ** 20)
  })

  it('holds messages that are longer than a page', () => {
    const held = new HeldMessages()
    const long = Buffer.alloc(300_000, 'long')
    held.hold('a', ack, 0, Buffer.from('short'), [])
    held.hold('a', ack, 1, long, [])
    expect(held.release('a').map(({ value }) => value.length)).toEqual([5, 300_000])
  })
})
