import { describe, expect, test } from 'vitest'
import { formatFloat } from '../../../src/lib/float.ts'

describe('a float is written with the shortest digits and without an exponent', () => {
  test.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [0.1, '0.1'],
    [1e-7, '0.0000001'],
    [-1.5e-9, '-0.0000000015'],
    [5e-324, `0.${'0'.repeat(323)}5`],
    [1e20, '100000000000000000000'],
    [1e21, '1000000000000000000000'],
    [-1.25e25, '-12500000000000000000000000'],
    [Number.MAX_VALUE, `17976931348623157${'0'.repeat(292)}`],
    [0.1 + 0.2, '0.30000000000000004'],
  ])('%d', (number, text) => {
    expect(formatFloat(number)).toBe(text)
  })
})
