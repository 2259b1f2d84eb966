import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ScriptedOutput, scriptedFlow } from '../fakes/scripted-flow.ts'

const OUTPUTS = ['one', 'two', 'three']
const OWNERS = ['x', 'y', 'z']

const message = fc.oneof(
  { weight: 6, arbitrary: fc.constant('record') },
  { weight: 1, arbitrary: fc.constantFrom('discard', 'broken') },
  { weight: 1, arbitrary: fc.constantFrom(...OUTPUTS).map((output) => `refuse:${output}`) },
  { weight: 3, arbitrary: fc.constantFrom(...OWNERS).map((owner) => `owner:${owner}`) },
)

const step = fc.oneof(
  fc.record({ kind: fc.constant('give' as const), messages: fc.array(message, { minLength: 1, maxLength: 12 }) }),
  fc.record({ kind: fc.constant('end' as const), output: fc.nat(2), which: fc.nat(), refuses: fc.array(fc.nat(7), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('answer' as const), owner: fc.constantFrom(...OWNERS) }),
  fc.record({ kind: fc.constant('turn' as const) }),
)

const turn = () => new Promise((resolve) => setImmediate(resolve))

it('each message meets one fate, the worst of all outputs; each output gets each record once, in batches within the limit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 2 }),
      async (steps, outputCount, flushMessages, maxWrites) => {
        const names = OUTPUTS.slice(0, outputCount)
        const { input, translator, deadLetters, outputs, lanes, run } = scriptedFlow({ outputs: names, flushMessages, maxWrites })
        const given: { readonly text: string; readonly fate: () => string | undefined }[] = []
        const refused = new Set<string>()

        const endWrite = (number: number, which = 0, refuses: readonly number[] = []) => {
          const output = outputs[number] as ScriptedOutput
          const [write] = output.underWay.splice(which % Math.max(1, output.underWay.length), 1)
          if (write === undefined) return
          const lines = [...new Set(refuses)].filter((line) => line < write.texts.length).sort((a, b) => a - b)
          for (const line of lines) refused.add(`${names[number]} ${write.texts[line]}`)
          write.end(lines.map((record) => ({ record, reason: 'no' })))
        }

        const running = run()
        for (const action of steps) {
          if (action.kind === 'give') {
            const first = given.length
            const texts = action.messages.map((text, i) => (/^(record|owner|refuse)/.test(text) ? `${text} ${first + i}` : text))
            const ack = input.give(...texts)
            texts.forEach((text, index) => void given.push({ text, fate: () => ack.fates.get(index) }))
          } else if (action.kind === 'answer') translator.answer(action.owner)
          else if (action.kind === 'end' && action.output < outputCount) endWrite(action.output, action.which, action.refuses)
          await turn()
        }
        translator.answer(...OWNERS)
        input.end()
        let hasEnded = false
        const ended = running.finally(() => (hasEnded = true))
        while (!hasEnded) {
          for (let number = 0; number < outputCount; number++) endWrite(number)
          await turn()
        }
        await ended

        const isRefused = (text: string) => names.some((name) => refused.has(`${name} ${text}`) || text.startsWith(`refuse:${name}`))
        for (const { text, fate } of given) {
          const expected = text === 'discard' ? 'discarded' : text === 'broken' ? 'undecodable' : isRefused(text) ? 'refused' : 'written'
          expect(fate(), text).toBe(expected)
        }
        const records = given.map(({ text }) => text).filter((text) => text !== 'discard' && text !== 'broken')
        for (const [number, output] of outputs.entries()) {
          const meant = records.filter((text) => !text.startsWith(`refuse:${names[number]}`))
          expect(output.batches.flat().toSorted()).toEqual(meant.toSorted())
          for (const { length } of output.batches) expect(length).toBeLessThanOrEqual(flushMessages)
          expect(lanes[number]?.inFlight).toBe(0)
        }
        const letters = given.filter(({ text }) => text === 'broken').length
        const spellings = given.filter(({ text }) => names.some((name) => text.startsWith(`refuse:${name}`))).length
        expect(deadLetters.letters).toHaveLength(letters + spellings + refused.size)
      },
    ),
    { numRuns: 200 },
  )
})
