import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ScriptedOutput, scriptedFlow } from '../../fakes/scripted-flow.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const held = (...records: readonly number[]) => records.map((record) => ({ record, reason: 'closed', isHeld: true }))
const turn = () => vi.advanceTimersByTimeAsync(0)

function start(options: Parameters<typeof scriptedFlow>[0] = {}) {
  const flow = scriptedFlow(options)
  const running = flow.run()
  const [output] = flow.outputs as [ScriptedOutput]
  /** Waits until a write is under way, and takes it. */
  const write = async () => {
    for (let turns = 0; output.underWay.length === 0 && turns < 100; turns++) await turn()
    const write = output.underWay.shift()
    if (write === undefined) throw new Error('nothing is being written')
    return write
  }
  return { ...flow, output, running, write, lane: flow.lanes[0] }
}

describe('records that an output holds back', () => {
  it('hold nothing of their batch nor after it, and are written again until they are taken', async () => {
    const { input, lane, running, write, output } = start({ flushMessages: 3 })
    const first = input.give('a', 'b', 'c')
    ;(await write()).end(held(1))
    await turn()
    expect([...first.fates.keys()]).toEqual([0, 2])
    expect(lane).toMatchObject({ held: 1, inFlight: 1 })

    const second = input.give('d', 'e', 'f')
    ;(await write()).end()
    await turn()
    expect(second.fates.size).toBe(3)

    await vi.advanceTimersByTimeAsync(1500)
    const again = await write()
    expect(again).toMatchObject({ texts: ['b'], tries: 1 })
    again.end(held(0))
    await vi.advanceTimersByTimeAsync(3000)
    const last = await write()
    expect(last).toMatchObject({ texts: ['b'], tries: 2 })
    last.end()
    await turn()
    expect(first.fates.get(1)).toBe('written')
    expect(lane).toMatchObject({ held: 0, inFlight: 0 })
    input.end()
    await running
    expect(output.batches).toHaveLength(4)
  })

  it('may be refused later: a dead letter with its own bytes', async () => {
    const { input, running, write, deadLetters, lane } = start({ flushMessages: 2 })
    const ack = input.give('good', 'bad')
    ;(await write()).end(held(0, 1))
    await vi.advanceTimersByTimeAsync(1500)
    ;(await write()).end([{ record: 1, reason: 'never' }])
    input.end()
    await running
    expect([...ack.fates].sort()).toEqual([
      [0, 'written'],
      [1, 'refused'],
    ])
    expect(deadLetters.letters).toMatchObject([{ error: 'never', offset: '1001', value: Buffer.from('bad') }])
    expect(lane).toMatchObject({ refused: 1, held: 0, inFlight: 0 })
  })

  it('count the rounds in which nothing was taken, so that an output can give up', async () => {
    const { input, running, write } = start({ flushMessages: 2 })
    input.give('a', 'b')
    ;(await write()).end(held(0, 1))
    const tries: number[] = []
    for (const unstored of [held(0, 1), held(0, 1), held(1), held(0), []]) {
      await vi.advanceTimersByTimeAsync(40_000)
      const round = await write()
      tries.push(round.tries)
      round.end(unstored)
      await turn()
    }
    expect(tries).toEqual([1, 2, 3, 1, 2])
    input.end()
    await running
  })

  it('are waited for at the end, until waiting is given up', async () => {
    const { input, running, write, kill, lane } = start({ flushMessages: 1 })
    const ack = input.give('a')
    ;(await write()).end(held(0))
    input.end()
    let hasEnded = false
    void running.finally(() => (hasEnded = true))
    await turn()
    expect(hasEnded).toBe(false)
    kill.abort()
    await running
    expect(ack.fates.size).toBe(0)
    expect(lane?.held).toBe(1)
  })

  it('are dropped with the delivery that they are of', async () => {
    const { input, running, write, lane } = start({ flushMessages: 2 })
    const ack = input.give('a', 'b')
    const first = await write()
    ack.isOpen = false
    first.end(held(0, 1))
    input.end()
    await running
    expect(lane).toMatchObject({ held: 0, inFlight: 0 })
  })

  it('end the flow where writing them again cannot go on', async () => {
    const { input, running, write } = start({ flushMessages: 1 })
    input.give('a')
    ;(await write()).end(held(0))
    const ended = expect(running).rejects.toThrow('gone for good')
    await vi.advanceTimersByTimeAsync(1500)
    ;(await write()).fail(new Error('gone for good'))
    await ended
  })
})

describe('an output that has places', () => {
  it('is given a batch for each, when it is full or old', async () => {
    const { input, running, write, output } = start({ flushMessages: 2, flushIntervalMs: 5000, isByPlace: true, maxWrites: 9 })
    const ack = input.give('place:x 1', 'place:y 1', 'place:x 2', 'place:z 1')
    const full = await write()
    expect(full).toMatchObject({ place: 'x', texts: ['place:x 1', 'place:x 2'] })
    await vi.advanceTimersByTimeAsync(4990)
    expect(output.underWay).toEqual([])
    await vi.advanceTimersByTimeAsync(20)
    expect(output.underWay.map(({ place }) => place)).toEqual(['y', 'z'])
    full.end()
    for (const { end } of output.underWay.splice(0)) end()
    input.end()
    await running
    expect(ack.fates.size).toBe(4)
  })

  it('writes the older half before its time where somebody waits for room, then half of the rest', async () => {
    const { input, running, pipeline, output } = start({ flushMessages: 100, isByPlace: true, maxWrites: 9 })
    input.give(...['a', 'b', 'c', 'd'].map((name) => `place:${name} 1`))
    await turn()
    pipeline.flushNow()
    await turn()
    expect(output.underWay.map(({ place }) => place)).toEqual(['a', 'b'])
    pipeline.flushNow()
    await turn()
    expect(output.underWay.map(({ place }) => place)).toEqual(['a', 'b', 'c'])
    output.takesAll = true
    for (const { end } of output.underWay.splice(0)) end()
    input.end()
    await running
  })

  it('holds back one place while the others go on', async () => {
    const { input, running, output, lane } = start({ flushMessages: 1, isByPlace: true, maxWrites: 1 })
    const ack = input.give('place:x 1', 'place:y 1', 'place:x 2')
    await turn()
    for (let i = 0; i < 3; i++) {
      const [write] = output.underWay.splice(0)
      write?.end(write.place === 'x' ? held(0) : [])
      await turn()
    }
    expect([...ack.fates.keys()]).toEqual([1])
    expect(lane?.held).toBe(2)
    await vi.advanceTimersByTimeAsync(1500)
    for (let i = 0; i < 2; i++) {
      const [write] = output.underWay.splice(0)
      expect(write?.place).toBe('x')
      write?.end()
      await turn()
    }
    input.end()
    await running
    expect(ack.fates.size).toBe(3)
  })
})
