import { pino } from 'pino'
import { expect, it } from 'vitest'
import { Ledger } from '../../../../../src/flow/ledger.ts'
import { StalledPartitions } from '../../../../../src/inputs/kafka/group/stalled-partitions.ts'
import { Assignment } from '../../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../../src/inputs/offsets/bell.ts'
import { errorFromCode } from '../../../../../src/kafka/answers.ts'

function setUp() {
  const assignment = new Assignment({ topic: [0] }, new Ledger(), new Bell())
  const life = { cluster: undefined, pause: () => {}, resume: () => {} }
  const stalled = new StalledPartitions(pino({ enabled: false }))
  const refuse = (code: number) => stalled.refused({ life, assignment }, 'topic', 0, errorFromCode(code))
  return { stalled, refuse }
}

it.each([
  ['an unknown error', -1],
  ['CORRUPT_MESSAGE', 2],
  ['INVALID_RECORD, which Kafka now and then says of a batch whose header is damaged on its disk', 87],
])('a partition that Kafka refuses with %s may be damaged: what is before it is worth asking for', (_, code) => {
  const { stalled, refuse } = setUp()
  refuse(code)
  expect(stalled.explains('topic', 0)).toBe(false)
  expect(stalled.notReady()).toEqual(['kafka: not handed out by Kafka, not read: topic/0'])
})

it.each([
  ['TOPIC_AUTHORIZATION_FAILED', 29],
  ['KAFKA_STORAGE_ERROR', 56],
])('one that it refuses with %s is sound, and only asked for again', (_, code) => {
  const { stalled, refuse } = setUp()
  refuse(code)
  expect(stalled.explains('topic', 0)).toBe(true)
})
