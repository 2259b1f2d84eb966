import { describe, expect, test } from 'vitest'
import { ByteBuffer } from '../../../src/lib/byte-buffer.ts'
import { allocateWords, putText, snippet, wordCount } from '../../../src/lib/words.ts'

const textOf = (lines: ByteBuffer) => lines.bytes.toString('utf8', 0, lines.length)

function written(write: (lines: ByteBuffer) => void): string {
  const lines = new ByteBuffer(200)
  lines.appendByte(0x3c)
  write(lines)
  lines.appendByte(0x3e)
  return textOf(lines)
}

describe('a snippet is copied whole, whatever its length', () => {
  test.each(Array.from({ length: 34 }, (_, length) => length))('%d bytes', (length) => {
    const text = 'abcdefghijklmnopqrstuvwxyz0123456789'.slice(0, length)
    expect(written((lines) => lines.appendSnippet(snippet(text)))).toBe(`<${text}>`)
  })

  test('in UTF-8, cut anywhere by words', () => {
    const text = '日本語アプリ 😀 naïve-café'
    for (let start = 0; start < 8; start++)
      expect(written((lines) => lines.appendSnippet(snippet('x'.repeat(start) + text)))).toBe(`<${'x'.repeat(start)}${text}>`)
  })

  test('longer than the arrays that texts share', () => {
    const text = 'long '.repeat(20_000)
    const lines = new ByteBuffer(8)
    lines.reserve(text.length)
    lines.appendSnippet(snippet(text))
    expect(textOf(lines)).toBe(text)
  })
})

test('texts that share an array do not touch one another', () => {
  const texts = Array.from({ length: 3000 }, (_, number) => 'text'.repeat(number % 7) + number)
  const places = texts.map((text) => {
    const { words, at } = allocateWords(wordCount(text.length))
    return { words, at, length: putText(text, words, at) }
  })
  expect(places.map((place) => written((lines) => lines.appendSnippet(place)))).toEqual(texts.map((text) => `<${text}>`))
})

test('a span is copied exactly', () => {
  const bytes = Uint8Array.from(Buffer.from('0123456789abcdefghij    '))
  for (let end = 3; end < 16; end++)
    expect(written((lines) => lines.appendSpan(new DataView(bytes.buffer), 3, end))).toBe(`<${'0123456789abcdefghij'.slice(3, end)}>`)
})

test.each([0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 999_999, 1_000_000, 2 ** 31 - 1])('the integer %d', (number) => {
  expect(written((lines) => lines.appendInteger(number))).toBe(`<${number}>`)
})

test.each([
  [0, ''],
  [1, '.000000001'],
  [10, '.00000001'],
  [500_000_000, '.5'],
  [123_456_789, '.123456789'],
  [999_999_999, '.999999999'],
])('the fraction of %d billionths', (billionths, text) => {
  expect(written((lines) => lines.appendFraction(billionths))).toBe(`<${text}>`)
})

test('it grows as it must and keeps what is there', () => {
  const lines = new ByteBuffer(1)
  for (let i = 0; i < 1000; i++) {
    lines.reserve(10)
    lines.appendAscii('0123456789')
  }
  expect(textOf(lines)).toBe('0123456789'.repeat(1000))
  const { bytes } = lines
  lines.length = 0
  lines.reserve(bytes.length / 2)
  expect(lines.bytes).toBe(bytes)
})
