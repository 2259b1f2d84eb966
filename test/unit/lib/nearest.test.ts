import { expect, test } from 'vitest'
import { editDistance, nearest } from '../../../src/lib/nearest.ts'

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
  ['CFRM', 'CFMR', 1],
  ['BROKER', 'BROKERS', 1],
])('from %j to %j it is %d edits', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
  expect(editDistance(b, a)).toBe(distance)
})

test('finds the candidate that was meant, whatever the case and the underscores', () => {
  const names = ['CFMR_KAFKA_BROKERS', 'CFMR_KAFKA_CONSUMERGROUP', 'CFMR_LOGLEVEL', 'CFMR_CF_USER']
  expect(nearest('CFMR_KAFKA_BROKER', names)).toBe('CFMR_KAFKA_BROKERS')
  expect(nearest('CFMR_KAFKA_CONSUMER_GROUP', names)).toBe('CFMR_KAFKA_CONSUMERGROUP')
  expect(nearest('cfmr_log_level', names)).toBe('CFMR_LOGLEVEL')
  expect(nearest('CFMR_CF_USERNAME', names)).toBe('CFMR_CF_USER')
  expect(nearest('x', [])).toBeUndefined()
})
