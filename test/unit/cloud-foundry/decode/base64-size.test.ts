import { expect, test } from 'vitest'
import { base64Size } from '../../../../src/cloud-foundry/decode/base64-size.ts'

function sizeOf(text: string): number {
  return base64Size(Buffer.from(text), 0, text.length)
}

test.each([
  ['', 0],
  ['YQ==', 1],
  ['YWI=', 2],
  ['YWJj', 3],
  ['+/+/YWJj', 6],
  ['YR==', 1],
  ['Y\nW\r\nJj', 3],
  ['\nYQ=\r=\n', 1],
  ['\r\n', 0],
])('%j has %i bytes', (text, size) => {
  expect(sizeOf(text)).toBe(size)
})

test.each(['Y', 'YQ', 'YWI', 'YQ=', 'Y===', '=', '====', 'YWJj=', 'YQ==YQ==', 'YQ==x', 'YQ= =', 'YW I=', '-_-_', 'YWJ\0'])(
  '%j is refused',
  (text) => {
    expect(sizeOf(text)).toBe(-1)
  },
)

test('padding beyond the end does not count', () => {
  expect(base64Size(Buffer.from('YQ=='), 0, 3)).toBe(-1)
})
