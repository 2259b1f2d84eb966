import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { assignPartitions, subscribedAssigner } from '../../../../../src/inputs/kafka/group/assigner.ts'

const topics = ['a', 'b', 'c', 'd']
const group = fc.dictionary(fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5'), fc.subarray(topics), { minKeys: 1 })
const sizes = fc.tuple(...topics.map(() => fc.integer({ min: 0, max: 12 })))

function subscribersOf(members: Readonly<Record<string, readonly string[]>>): Map<string, string[]> {
  const subscribed = new Map<string, string[]>()
  for (const [member, own] of Object.entries(members))
    for (const topic of own) subscribed.set(topic, [...(subscribed.get(topic) ?? []), member])
  return subscribed
}

test('each partition of each topic goes to one of the members that subscribe to it, whichever order they come in', () => {
  fc.assert(
    fc.property(group, sizes, (members, counts) => {
      const partitionsOf = (topic: string) => Array.from({ length: counts[topics.indexOf(topic)] ?? 0 }, (_, partition) => partition)
      const subscribed = subscribersOf(members)
      const assigned = assignPartitions(subscribed, partitionsOf)
      for (const [topic, subscribers] of subscribed) {
        const given = [...assigned].flatMap(([member, own]) => (own[topic] ?? []).map((partition) => ({ member, partition })))
        expect(given.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual(partitionsOf(topic))
        for (const { member } of given) expect(subscribers).toContain(member)
      }
      const reversed = new Map([...subscribed].reverse().map(([topic, of]) => [topic, [...of].reverse()]))
      expect(new Map([...assignPartitions(reversed, partitionsOf)].sort())).toEqual(new Map([...assigned].sort()))
    }),
  )
})

test('members with the same topics get as many as one another, but for one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), sizes, (count, partitions) => {
      const members = Array.from({ length: count }, (_, number) => `m${number}`)
      const partitionsOf = (topic: string) => Array.from({ length: partitions[topics.indexOf(topic)] ?? 0 }, (_, partition) => partition)
      const assigned = assignPartitions(new Map(topics.map((topic) => [topic, members])), partitionsOf)
      const loads = members.map((member) => Object.values(assigned.get(member) ?? {}).flat().length)
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
    }),
  )
})

test('it speaks as older members do: the same protocol, the same format', async () => {
  const cluster = { addMultipleTargetTopics: async () => {}, findTopicPartitionMetadata: () => [] }
  const ours = subscribedAssigner(cluster)
  const kafkajsOwn = kafkajs.PartitionAssigners.roundRobin({ cluster } as never)
  const mine = ours.protocol({ topics: ['a', 'b'] })
  const { MemberMetadata } = kafkajs.AssignerProtocol
  expect(mine.name).toBe(kafkajsOwn.protocol({ topics: ['a', 'b'] }).name)
  expect(MemberMetadata.decode(kafkajsOwn.protocol({ topics: ['a', 'b'] }).metadata)?.topics).toEqual(
    MemberMetadata.decode(mine.metadata)?.topics,
  )
})
