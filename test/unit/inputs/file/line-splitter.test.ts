import { expect, it } from 'vitest'
import { LineSplitter } from '../../../../src/inputs/file/line-splitter.ts'

it('gives a line too long for any memory as one without a value, and goes on behind it', () => {
  const splitter = new LineSplitter(1)
  const megabyte = Buffer.alloc(1 << 20, 'x')
  for (let i = 0; i < 65; i++) expect(splitter.push(megabyte)).toEqual([])
  expect(splitter.push(Buffer.from('x\nnext\n'))).toEqual([
    { value: null, offset: 1 },
    { value: Buffer.from('next'), offset: 2 },
  ])
})

it('passes over such a line, too, where it comes before the first one wanted', () => {
  const splitter = new LineSplitter(2)
  for (let i = 0; i < 65; i++) splitter.push(Buffer.alloc(1 << 20, 'x'))
  expect(splitter.push(Buffer.from('\nnext\n'))).toEqual([{ value: Buffer.from('next'), offset: 2 }])
})
