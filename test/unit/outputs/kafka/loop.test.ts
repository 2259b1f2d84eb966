import { expect, test } from 'vitest'
import { loopOf } from '../../../../src/outputs/kafka/loop.ts'

const read = { brokers: ['kafka:9092'], topics: ['logs', /^http-/], deadLetterTopic: 'dead' }

test.each([
  ['logs', undefined, 'logs'],
  ['documents', undefined, undefined],
  ['dead', undefined, 'dead'],
  ['http-{kind}', undefined, '/^http-/'],
  ['http-x', undefined, '/^http-/'],
  ['{kind}s', undefined, 'logs'],
  ['{org}', undefined, 'logs'],
  ['logs', ['kafka:9092', 'other:9092'], 'logs'],
  ['logs', ['other:9092'], undefined],
  ['lo.s', undefined, undefined],
])('to %j on %j would be read again by %j', (template, brokers, loop) => {
  expect(loopOf(template, brokers, read)).toBe(loop)
})
