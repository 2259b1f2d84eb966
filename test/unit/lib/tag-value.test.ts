import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cleanTagValue, escapeTagValue } from '../../../src/lib/tag-value.ts'

describe('a tag value is cleaned of what would end its line or eat its delimiter', () => {
  test.each([
    ['plain', 'plain'],
    ['new\nline', 'new line'],
    ['\0\x1f\x7f\x80\x9f', '     '],
    ['\xa0 no-break space stays', '\xa0 no-break space stays'],
    ['a\\b', 'a\\b'],
    ['a\\\\', 'a'],
    ['\\', ''],
    // The space that the control character became comes last.
    ['a\\\n', 'a\\ '],
    ['', ''],
    ['日本\u2028', '日本\u2028'],
  ])('%j', (value, cleaned) => {
    expect(cleanTagValue(value)).toBe(cleaned)
  })
})

test('commas, equals signs and spaces are escaped, backslashes are not', () => {
  expect(escapeTagValue('a,b=c d\\e"f')).toBe('a\\,b\\=c\\ d\\e"f')
})

test('where a backslash is taken for an escape, what is read is what was written, whatever it is', () => {
  // As InfluxDB 3.x and VictoriaMetrics read a tag value: a backslash before one of four characters gives that character.
  const read = (text: string) => text.replace(/\\([\\,= ])/g, '$1')
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\\', ',', '=', ' ') }), (name) => {
      const value = cleanTagValue(name)
      const escaped = escapeTagValue(value, 'escape')
      expect(read(escaped)).toBe(value)
      expect(escaped.replace(/\\./g, '')).not.toMatch(/[,= ]/)
    }),
  )
})
