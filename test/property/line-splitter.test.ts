import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineSplitter } from '../../src/inputs/file/line-splitter.ts'

const text = fc
  .array(fc.constantFrom('{"a":1}', '', ' ', '\r', '\n', '\n\n', '\r\n', '"é"', '\0', '\t{}'), { maxLength: 40 })
  .map((parts) => Buffer.from(parts.join('')))

it('finds the same lines however the file is cut into pieces, and from whatever line on', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(200), { maxLength: 6 }), fc.integer({ min: 1, max: 10 }), (file, cuts, first) => {
      const splitter = new LineSplitter(first)
      const ends = [...cuts.filter((cut) => cut < file.length).sort((a, b) => a - b), file.length]
      const messages = ends.flatMap((end, i) => splitter.push(file.subarray(ends[i - 1] ?? 0, end)))
      messages.push(...splitter.end())

      const lines = file.toString('latin1').split('\n')
      const expected = lines
        .map((line, i) => ({ offset: i + 1, value: line.replace(/\r$/, '') }))
        .filter(({ value }, i) => i + 1 >= first && /[^ \t\r]/.test(value))
      expect(messages.map(({ offset, value }) => ({ offset, value: value?.toString('latin1') }))).toEqual(expected)
    }),
  )
})
