import { expect, test } from 'vitest'
import { decodeText } from '../../../../src/cloud-foundry/decode/go-text.ts'

const bad = (count: number) => '\ufffd'.repeat(count)

test.each([
  ['plain ASCII', 'ok', 'ok'],
  ['characters of every size', 'aé日😀', 'aé日😀'],
  ['a byte order mark', '\ufeffx', '\ufeffx'],
  [
    'the ends of every range',
    '\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}',
    '\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}',
  ],
])('keeps %s', (_, text, decoded) => {
  expect(decodeText(Buffer.from(text))).toBe(decoded)
})

test.each([
  ['a lone continuation byte', '6180', `a${bad(1)}`],
  ['a byte that never occurs', 'ff', bad(1)],
  ['two bytes cut short', 'c3', bad(1)],
  ['three bytes cut short', 'e697', bad(2)],
  ['four bytes cut short', 'f09f98', bad(3)],
  ['a cut character before another', 'f09f98c3a9', `${bad(3)}é`],
  ['a character of two bytes spelt in three', 'e08080', bad(3)],
  ['NUL spelt in two bytes', 'c080', bad(2)],
  ['half of a surrogate pair', 'eda080', bad(3)],
  ['a character beyond the last', 'f4908080', bad(4)],
  ['a character of three bytes spelt in four', 'f08fbfbf', bad(4)],
  ['five-byte forms', 'f888808080', bad(5)],
])('writes one U+FFFD for each byte of %s', (_, hex, decoded) => {
  expect(decodeText(Buffer.from(hex, 'hex'))).toBe(decoded)
})

test('keeps every valid character beside one that is not', () => {
  const ends =
    '\0\x7f\u0080\u07ff\u0800\u0fff\u1000\ucfff\ud000\ud7ff\ue000\uefff\uffff\u{10000}\u{3ffff}\u{40000}\u{fffff}\u{100000}\u{10ffff}'
  const bytes = Buffer.concat(Array.from(ends, (character) => Buffer.concat([Buffer.of(0xff), Buffer.from(character)])))
  expect(decodeText(bytes)).toBe(Array.from(ends, (character) => bad(1) + character).join(''))
})

test('reads only the bytes asked for', () => {
  expect(decodeText(Buffer.from('é日é'), 2, 5)).toBe('日')
  expect(decodeText(Buffer.from('é日é'), 1, 6)).toBe(`${bad(1)}日${bad(1)}`)
})
