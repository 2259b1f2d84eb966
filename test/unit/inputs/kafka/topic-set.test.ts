import { expect, test } from 'vitest'
import { TopicSet } from '../../../../src/inputs/kafka/topic-set.ts'

const match = (entries: readonly string[], existing: readonly string[], deadLetterTopic?: string) =>
  new TopicSet({ entries, deadLetterTopic }).match(existing)

test('names that exist are read, others are missing', () => {
  expect(match(['b', 'a', 'c'], ['a', 'b', 'other'])).toEqual({ topics: ['a', 'b'], missing: ['c'] })
})

test('an entry between slashes is a regular expression over names', () => {
  expect(match(['/^log-/'], ['log-a', 'log-b', 'a-log-c'])).toEqual({ topics: ['log-a', 'log-b'], missing: [] })
})

test('a topic that is named and matched is read once', () => {
  expect(match(['log-a', '/log/'], ['log-a']).topics).toEqual(['log-a'])
})

test("a pattern matches neither Kafka's own topics nor the one of the dead letters", () => {
  expect(match(['/.*/'], ['__consumer_offsets', 'dead', 'log'], 'dead').topics).toEqual(['log'])
})

test('a pattern is no name that could be missing, and a lone slash no pattern', () => {
  expect(match(['/nothing/', '/'], ['log'])).toEqual({ topics: [], missing: ['/'] })
})
