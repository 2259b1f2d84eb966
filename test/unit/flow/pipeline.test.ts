import { describe, expect, it, vi } from 'vitest'
import { type ScriptedOutput, scriptedFlow } from '../../fakes/scripted-flow.ts'

const numbers = (count: number, prefix = 'm') => Array.from({ length: count }, (_, number) => `${prefix}${number}`)
const fatesOf = ({ fates }: { readonly fates: ReadonlyMap<number, string> }) => [...fates].sort(([a], [b]) => a - b).map(([, fate]) => fate)
const textsOf = ({ batches }: ScriptedOutput) => batches.flat()

describe('one output', () => {
  it('is given batches no larger than the limit, though many owners are answered at once', async () => {
    const { input, translator, outputs, run } = scriptedFlow({ flushMessages: 5, maxWrites: 1 })
    const [output] = outputs as [ScriptedOutput]
    const keys = numbers(40, 'app')
    const ack = input.give(...keys.map((key) => `owner:${key}`))
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(keys))
    translator.answer(...keys)
    input.end()
    const ending = setInterval(() => output.underWay.splice(0).forEach(({ end }) => void end()), 1)
    await running
    clearInterval(ending)
    expect(Math.max(...output.batches.map(({ length }) => length))).toBe(5)
    expect(new Set(textsOf(output))).toEqual(new Set(keys.map((key) => `owner:${key}`)))
    expect(ack.fates.size).toBe(40)
  })

  it('gets what others say while one owner is waited for, of the same delivery, too', async () => {
    const { input, translator, outputs, pipeline, run } = scriptedFlow()
    const [output] = outputs as [ScriptedOutput]
    output.takesAll = true
    const ack = input.give('a', 'owner:x 1', 'b', 'owner:x 2', 'c')
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(['x']))
    pipeline.flushNow()
    await vi.waitFor(() => expect([...ack.fates.keys()]).toEqual([0, 2, 4]))
    expect(pipeline.heldBy(translator)?.count).toBe(2)
    translator.answer('x')
    input.end()
    await running
    expect(textsOf(output)).toEqual(['a', 'b', 'c', 'owner:x 1', 'owner:x 2'])
    expect(fatesOf(ack)).toEqual(numbers(5).map(() => 'written'))
  })

  it('gets what one owner says in order, though some of it has waited for that owner, and waits for the output now', async () => {
    const { input, translator, outputs, run } = scriptedFlow({ flushMessages: 1, maxWrites: 1 })
    const [output] = outputs as [ScriptedOutput]
    const said = numbers(6, 'owner:x ')
    const acks = [input.give(...said.slice(0, 4))]
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(['x']))
    translator.answer('x')
    await vi.waitFor(() => expect(output.underWay).toHaveLength(1))
    acks.push(input.give(...said.slice(4, 5)), input.give(...said.slice(5)))
    input.end()
    const ending = setInterval(() => output.underWay.splice(0).forEach(({ end }) => void end()), 1)
    await running
    clearInterval(ending)
    expect(textsOf(output)).toEqual(said)
    expect(acks.flatMap(fatesOf)).toEqual(said.map(() => 'written'))
  })

  it('is given nothing of a delivery that was abandoned while it waited', async () => {
    const { input, translator, outputs, run } = scriptedFlow()
    const [output] = outputs as [ScriptedOutput]
    output.takesAll = true
    const abandoned = input.give('owner:x')
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(['x']))
    abandoned.isOpen = false
    translator.answer('x')
    input.give('later')
    input.end()
    await running
    expect(textsOf(output)).toEqual(['later'])
    expect(abandoned.fates.size).toBe(0)
  })

  it('holds back the reading while it is full, and no longer', async () => {
    const { input, outputs, run } = scriptedFlow({ flushMessages: 2, maxWrites: 1 })
    const [output] = outputs as [ScriptedOutput]
    for (const text of numbers(8)) input.give(text)
    const running = run()
    await vi.waitFor(() => expect(output.underWay).toHaveLength(1))
    await vi.waitFor(() => expect(input.pulled).toBe(5))
    await new Promise(setImmediate)
    expect(input.pulled).toBe(5)
    output.takesAll = true
    output.underWay[0]?.end()
    input.end()
    await running
    expect(textsOf(output)).toEqual(numbers(8))
  })

  it('has what it refuses settled once the dead letter is kept, and the rest at once', async () => {
    const { input, outputs, deadLetters, run } = scriptedFlow({ flushMessages: 3 })
    const [output] = outputs as [ScriptedOutput]
    let open = () => {}
    deadLetters.gate = new Promise((resolve) => (open = resolve))
    const ack = input.give('a', 'b', 'c', 'broken', 'discard', 'refuse:one')
    const running = run()
    await vi.waitFor(() => expect(output.underWay).toHaveLength(1))
    output.underWay[0]?.end([{ record: 1, reason: 'no' }])
    await vi.waitFor(() => expect([...ack.fates].sort()).toEqual([[0, 'written'], [2, 'written'], [4, 'discarded']])) // biome-ignore format: a table
    await vi.waitFor(() => expect(deadLetters.letters).toHaveLength(3))
    expect(deadLetters.letters.map(({ reason, output: name, offset, value }) => [reason, name, offset, String(value)])).toEqual([
      ['undecodable', undefined, '1003', 'broken'],
      ['refused', 'one', '1005', 'refuse:one'],
      ['refused', 'one', '1001', 'b'],
    ])
    open()
    input.end()
    await running
    expect(fatesOf(ack)).toEqual(['written', 'refused', 'written', 'undecodable', 'discarded', 'refused'])
  })

  it('ends the run with what it fails of; what it had is not settled', async () => {
    const { input, outputs, run } = scriptedFlow({ flushMessages: 1 })
    const ack = input.give('a', 'b')
    const running = run()
    await vi.waitFor(() => expect(outputs[0]?.underWay).toHaveLength(2))
    outputs[0]?.underWay[0]?.fail(new Error('out of order'))
    await expect(running).rejects.toThrow('out of order')
    expect(ack.fates.size).toBe(0)
  })

  it('ends without an error where all waiting is given up', async () => {
    const { input, translator, outputs, stop, kill, run } = scriptedFlow({ flushMessages: 1 })
    const ack = input.give('a', 'owner:x')
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(['x']))
    stop.abort()
    kill.abort()
    await running
    expect(outputs[0]?.batches).toEqual([['a']])
    expect(ack.fates.size).toBe(0)
  })

  it('gets what is released after the stop without waiting for a batch to fill', async () => {
    const { input, translator, outputs, stop, run } = scriptedFlow({ flushMessages: 100 })
    const [output] = outputs as [ScriptedOutput]
    output.takesAll = true
    const ack = input.give('owner:x')
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(['x']))
    stop.abort()
    translator.answer('x')
    await running
    expect(fatesOf(ack)).toEqual(['written'])
  })
})

describe('several outputs', () => {
  it('each get everything, and a message is settled by the last of them', async () => {
    const { input, outputs, run } = scriptedFlow({ outputs: ['one', 'two', 'three'], flushMessages: 2 })
    const ack = input.give('a', 'b')
    const running = run()
    await vi.waitFor(() => expect(outputs.map(({ underWay }) => underWay.length)).toEqual([1, 1, 1]))
    outputs[0]?.underWay[0]?.end()
    outputs[2]?.underWay[0]?.end()
    await new Promise(setImmediate)
    expect(ack.fates.size).toBe(0)
    outputs[1]?.underWay[0]?.end()
    input.end()
    await running
    expect(fatesOf(ack)).toEqual(['written', 'written'])
    expect(outputs.map(textsOf)).toEqual([['a', 'b'], ['a', 'b'], ['a', 'b']]) // biome-ignore format: a table
  })

  it('take a message apart once where they keep up', async () => {
    const { input, translator, outputs, run } = scriptedFlow({ outputs: ['one', 'two', 'three'] })
    for (const output of outputs) output.takesAll = true
    input.give(...numbers(4))
    input.end()
    await run()
    expect([...translator.decoded.values()]).toEqual([1, 1, 1, 1])
  })

  it('are not held up by one that is away: the others get what is read meanwhile, and it gets all of it later, in order', async () => {
    const { input, outputs, run } = scriptedFlow({ outputs: ['one', 'away'], flushMessages: 2, maxWrites: 1 })
    const [one, away] = outputs as [ScriptedOutput, ScriptedOutput]
    one.takesAll = true
    const acks = numbers(20).map((text) => input.give(text))
    const running = run()
    await vi.waitFor(() => expect(textsOf(one)).toEqual(numbers(20)))
    expect(textsOf(away)).toEqual(numbers(2))
    expect(acks.flatMap(fatesOf)).toEqual([])
    away.takesAll = true
    away.underWay[0]?.end()
    input.end()
    await running
    expect(textsOf(away)).toEqual(numbers(20))
    expect(acks.flatMap(fatesOf)).toEqual(numbers(20).map(() => 'written'))
  })

  it('hold back the reading where all of them are full', async () => {
    const { input, outputs, run } = scriptedFlow({ outputs: ['one', 'two'], flushMessages: 2, maxWrites: 1 })
    for (const text of numbers(20)) input.give(text)
    const running = run()
    await vi.waitFor(() => expect(input.pulled).toBe(5))
    await new Promise(setImmediate)
    expect(input.pulled).toBe(5)
    for (const output of outputs) output.takesAll = true
    for (const { underWay } of outputs) underWay[0]?.end()
    input.end()
    await running
    expect(outputs.map(textsOf)).toEqual([numbers(20), numbers(20)])
  })

  it('make a message refused where one of them refuses it, with a dead letter for each of those', async () => {
    const { input, outputs, deadLetters, lanes, run } = scriptedFlow({ outputs: ['one', 'two', 'three'], flushMessages: 4 })
    const ack = input.give('a', 'refuse:two', 'broken', 'b', 'c')
    const running = run()
    input.end()
    await vi.waitFor(() => expect(outputs.map(({ underWay }) => underWay.length)).toEqual([1, 1, 1]))
    outputs[0]?.underWay[0]?.end([{ record: 0, reason: 'no' }])
    outputs[1]?.underWay[0]?.end([{ record: 0, reason: 'neither' }])
    outputs[2]?.underWay[0]?.end()
    await running
    expect(fatesOf(ack)).toEqual(['refused', 'refused', 'undecodable', 'written', 'written'])
    expect(deadLetters.letters.map(({ output, offset, error }) => [output, offset, error])).toEqual([
      ['two', '1001', 'cannot be spelt'],
      [undefined, '1002', 'broken'],
      ['one', '1000', 'no'],
      ['two', '1000', 'neither'],
    ])
    expect(lanes.map(({ refused, inFlight }) => [refused, inFlight])).toEqual([[1, 0], [2, 0], [0, 0]]) // biome-ignore format: a table
  })

  it('are each let go by the answer about an owner, at their own pace', async () => {
    const { input, translator, outputs, run } = scriptedFlow({ outputs: ['one', 'away'], flushMessages: 1, maxWrites: 1 })
    const [one, away] = outputs as [ScriptedOutput, ScriptedOutput]
    one.takesAll = true
    const ack = input.give('owner:x 1', 'owner:x 2', 'owner:x 3', 'owner:x 4')
    const running = run()
    await vi.waitFor(() => expect(translator.asked).toEqual(['x']))
    translator.answer('x')
    await vi.waitFor(() => expect(textsOf(one)).toHaveLength(4))
    expect(ack.fates.size).toBe(0)
    away.takesAll = true
    away.underWay[0]?.end()
    input.end()
    await running
    expect(textsOf(away)).toEqual(['owner:x 1', 'owner:x 2', 'owner:x 3', 'owner:x 4'])
    expect(ack.fates.size).toBe(4)
  })
})

describe('several inputs', () => {
  it('feed the same lanes, each with its own acks and its own waiting for owners', async () => {
    const { input, second, translator, secondTranslator, outputs, pipeline, run } = scriptedFlow({ hasSecond: true })
    const [output] = outputs as [ScriptedOutput]
    output.takesAll = true
    const acks = [input.give('a', 'owner:x 1'), second.give('b', 'owner:x 2', 'discard')]
    const running = run()
    await vi.waitFor(() => expect([translator.asked, secondTranslator.asked]).toEqual([['x'], ['x']]))
    pipeline.flushNow()
    await vi.waitFor(() => expect(acks.map(({ fates }) => [...fates.keys()].sort())).toEqual([[0], [0, 2]]))
    secondTranslator.answer('x')
    await vi.waitFor(() => expect(pipeline.heldBy(secondTranslator)?.count).toBe(0))
    expect(pipeline.heldBy(translator)?.count).toBe(1)
    translator.answer('x')
    input.end()
    second.end()
    await running
    expect(acks.map(fatesOf)).toEqual([
      ['written', 'written'],
      ['written', 'written', 'discarded'],
    ])
    expect(textsOf(output).toSorted()).toEqual(['a', 'b', 'owner:x 1', 'owner:x 2'])
  })

  it('are all pulled no more while every lane is behind, and go on together', async () => {
    const { input, second, outputs, run } = scriptedFlow({ hasSecond: true, flushMessages: 2, maxWrites: 1 })
    const [output] = outputs as [ScriptedOutput]
    const acks = [input, second].flatMap((each) => [each.give('a', 'b', 'c'), each.give('d', 'e', 'f')])
    const running = run()
    await vi.waitFor(() => expect(output.underWay).toHaveLength(1))
    await vi.waitFor(() => expect(input.pulled + second.pulled).toBe(3))
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    expect(input.pulled + second.pulled).toBe(3)
    output.takesAll = true
    output.underWay[0]?.end()
    input.end()
    second.end()
    await running
    expect(acks.flatMap(fatesOf)).toEqual(numbers(12).map(() => 'written'))
  })

  it('end together where one fails for good, and what is not stored stays unsettled', async () => {
    const { input, second, outputs, run } = scriptedFlow({ hasSecond: true, flushMessages: 1 })
    const [output] = outputs as [ScriptedOutput]
    const ack = input.give('a')
    const running = run()
    await vi.waitFor(() => expect(output.underWay).toHaveLength(1))
    second.fail(new Error('gone for good'))
    await expect(running).rejects.toThrow('gone for good')
    expect(ack.fates.size).toBe(0)
  })
})
