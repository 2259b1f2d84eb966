import { expect, test } from 'vitest'
import { ago, bytes, count, duration, percent, rate, shortCount } from '../../../../src/debug/page/format.ts'

test.each([
  [0, '0'],
  [1234567, '1,234,567'],
])('count %d is %s', (value, text) => expect(count(value)).toBe(text))

test.each([
  [9999, '9,999'],
  [12_345, '12.3K'],
  [4_560_000, '4.56M'],
])('short count %d is %s', (value, text) => expect(shortCount(value)).toBe(text))

test.each([
  [0, '0'],
  [0.004, '<0.01'],
  [0.25, '0.3'],
  [1.26, '1.3'],
  [5, '5'],
  [5012.4, '5,012'],
])('rate %d is %s', (value, text) => expect(rate(value)).toBe(text))

test.each([
  [0, '0 B'],
  [1023, '1,023 B'],
  [1536, '1.50 KiB'],
  [183 * 2 ** 20, '183 MiB'],
  [4.05 * 2 ** 30, '4.05 GiB'],
])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text))

test.each([
  [0, '0 %'],
  [0.0001, '<0.1 %'],
  [0.042, '4.2 %'],
  [0.5, '50 %'],
  [0.9961, '99.6 %'],
  [0.99999, '>99.9 %'],
  [1, '100 %'],
])('a share of %d is %s: only what is whole is called nothing or all', (value, text) => expect(percent(value)).toBe(text))

test.each([
  [0, '0 s'],
  [0.0042, '4.2 ms'],
  [0.8, '800 ms'],
  [1.25, '1.3 s'],
  [7, '7 s'],
  [59.9, '1 min 0 s'],
  [245, '4 min 5 s'],
  [7260, '2 h 1 min'],
  [1_047_600, '12 d 3 h'],
])('%d seconds are %s', (value, text) => expect(duration(value)).toBe(text))

test('how long ago is by the clock of the worker, and may be never', () => {
  const now = '2026-01-02T03:04:05.000Z'
  expect(ago(null, now)).toBe('never')
  expect(ago(now, now)).toBe('just now')
  expect(ago('2026-01-02T03:00:00.000Z', now)).toBe('4 min 5 s ago')
})
