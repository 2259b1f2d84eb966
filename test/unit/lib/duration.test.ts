import { describe, expect, test } from 'vitest'
import { parseDuration } from '../../../src/lib/duration.ts'

describe('durations as Go reads them', () => {
  test.each([
    ['0', 0],
    ['+0', 0],
    ['0s', 0],
    ['300ms', 300],
    ['60000ms', 60_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['+5s', 5000],
    ['-5s', -5000],
    ['1h2m3s4ms5us6ns', 3_723_004.005006],
    ['5us', 0.005],
    ['5µs', 0.005],
    ['5μs', 0.005],
    ['1s1s', 2000],
    ['30s1h', 3_630_000],
    ['0.100000000000000000000h', 360_000],
    ['2562047h47m16s', 9_223_372_036_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9)
  })

  test.each([
    '',
    '5',
    '-',
    '+',
    '.',
    's',
    '.s',
    '1',
    '10',
    '1d',
    '1 s',
    ' 1s',
    '1s ',
    '1h 30m',
    '1S',
    '1,5h',
    '--1s',
    '1.2.3s',
    '1e3s',
    '0x1s',
    '00',
    '2562048h',
    'Infinity',
  ])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})
