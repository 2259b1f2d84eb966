import { afterEach, expect, test } from 'vitest'
import { shared, uniqueName } from '../support/shared.ts'
import { closeReaders, numbers, Platform, Reader, until } from './kafka-input-reader.ts'

let platform: Platform | undefined

afterEach(async () => {
  await closeReaders()
  await platform?.close()
  platform = undefined
})

/** Of a topic, all that is read when each partition has been: a message each, with its number. */
const sizes = { left: 3, both: 5, right: 4 }

test.each([
  ['the one that joined first', true],
  ['the one that joined last', false],
])(
  'two instances of a group with different topics read every partition, and neither one of a topic it has not; %s goes',
  async (_, firstGoes) => {
    const { brokers } = await shared('kafka')
    platform = await Platform.connect(brokers)
    const kafka = platform
    const topics = { left: uniqueName('left'), both: uniqueName('both'), right: uniqueName('right') }
    const send = async (round: string) => {
      for (const [side, partitions] of Object.entries(sizes)) {
        const topic = topics[side as keyof typeof topics]
        for (let partition = 0; partition < partitions; partition++) await kafka.send(topic, [`${round} ${topic}/${partition}`], partition)
      }
    }
    const sent = (round: string, ...sides: readonly (keyof typeof sizes)[]) =>
      sides.flatMap((side) => numbers(0, sizes[side]).map((partition) => `${round} ${topics[side]}/${partition}`)).sort()
    const received = (round: string, ...readers: readonly Reader[]) =>
      readers.flatMap(({ values }) => values.filter((value) => value?.startsWith(`${round} `))).sort()
    for (const [side, partitions] of Object.entries(sizes)) await kafka.createTopic(topics[side as keyof typeof topics], partitions)

    const groupId = uniqueName('group')
    const first = new Reader({ brokers, groupId, topics: [topics.left, topics.both] })
    await until('the first has joined', () => first.input.partitions().length === sizes.left + sizes.both)
    const second = new Reader({ brokers, groupId, topics: [topics.both, topics.right] })
    const all = sizes.left + sizes.both + sizes.right
    const held = () => [first, second].flatMap(({ input }) => input.partitions().map(({ topic, partition }) => `${topic}/${partition}`))
    await until('each partition is held by one of them', () => held().length === all && new Set(held()).size === all)
    await send('together')
    await until('all is read', () => received('together', first, second).length >= all)
    expect(received('together', first, second)).toEqual(sent('together', 'left', 'both', 'right'))
    for (const reader of [first, second]) {
      expect(reader.received.some(({ topic }) => topic === topics.both)).toBe(true)
    }

    const [goes, stays, own] = firstGoes ? ([first, second, 'right'] as const) : ([second, first, 'left'] as const)
    expect(await goes.close()).toBe(0)
    await until('the other has all of what both had', () => stays.input.partitions().length === sizes.both + sizes[own])
    await send('alone')
    await until('what it subscribes to is read', () => received('alone', stays).length >= sizes.both + sizes[own])
    expect(received('alone', stays)).toEqual(sent('alone', 'both', own))
    expect(first.received.map(({ topic }) => topic)).not.toContain(topics.right)
    expect(second.received.map(({ topic }) => topic)).not.toContain(topics.left)
  },
)
