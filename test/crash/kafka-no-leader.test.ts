import { afterEach, expect, it } from 'vitest'
import { type KafkaCluster, startKafkaCluster } from '../../dev/kafka.ts'
import { closeReaders, numbers, Platform, Reader, until } from '../integration/kafka-input-reader.ts'

let cluster: KafkaCluster | undefined

afterEach(async () => {
  await closeReaders()
  await cluster?.close()
  cluster = undefined
})

/** One replica each, partition n on the n-th of `nodes`. */
async function createTopic({ admin }: Platform, topic: string, nodes: readonly number[]): Promise<void> {
  const replicaAssignment = nodes.map((node, partition) => ({ partition, replicas: [node] }))
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, replicaAssignment }] })
}

it('partitions without a leader, ours or anybody’s, stop nothing but themselves: at a start, for a new topic, and in a running worker', async () => {
  cluster = await startKafkaCluster()
  const { brokers, nodes } = cluster
  const [, , third] = nodes
  const platform = await Platform.connect(brokers)
  await createTopic(platform, 'own-topic', [1, 2, 3])
  await createTopic(platform, 'foreign', [3])
  for (const partition of [0, 1, 2]) {
    await until('it is sent', () => platform.send('own-topic', numbers(partition * 10, partition * 10 + 10), partition).then(() => true))
  }

  await third?.kill()
  const options = { brokers: brokers.slice(0, 2), groupId: 'group', topics: ['/^own-/'], topicRefreshMs: 500 }
  const reader = new Reader(options)
  await until('it reads what has a leader', () => reader.received.length === 20)
  await until('it says what has none', () => reader.input.notReady().join().includes('own-topic/2'))
  expect(reader.lines('has no leader')).toMatchObject([{ level: 40, topic: 'own-topic', partition: 2 }])

  await createTopic(platform, 'own-second', [1])
  await until('it is sent', () => platform.send('own-second', numbers(30, 40)).then(() => true))
  await until('it reads the new topic', () => reader.received.length === 30)
  await until('it has committed', async () => String(await platform.committed('group', 'own-topic')) === '10,10,-1')

  await third?.restart()
  await until('it reads what has its leader back', () => reader.received.length === 40)
  await until('it is ready', () => reader.input.notReady().length === 0)
  const joins = reader.joins

  await third?.kill()
  await until('it says what has none', () => reader.input.notReady().join().includes('own-topic/2'))
  await platform.send('own-topic', numbers(40, 50), 0)
  await platform.send('own-topic', numbers(50, 60), 1)
  await until('it reads the others', () => reader.received.length === 60)
  await third?.restart()
  await until('it is sent', () => platform.send('own-topic', numbers(60, 70), 2).then(() => true))
  await until('it reads all', () => reader.received.length === 70)
  await until('it has committed', async () => String(await platform.committed('group', 'own-topic')) === '20,20,20')
  expect(reader.values.map(Number).sort((a, b) => a - b)).toEqual(numbers(0, 70).map(Number))
  expect(reader.residue).toBe(0)
  expect(reader.joins - joins).toBeLessThan(5)
  expect(reader.logged.filter(({ level }) => Number(level) > 40)).toEqual([])
  await platform.close()
})

it('a new group that is to begin at the newest messages begins without a partition that has no leader, and reads all of that one later', async () => {
  cluster = await startKafkaCluster()
  const { brokers, nodes } = cluster
  const [, , third] = nodes
  const platform = await Platform.connect(brokers)
  await createTopic(platform, 'own-topic', [1, 2, 3])
  for (const partition of [0, 1, 2]) {
    await until('it is sent', () => platform.send('own-topic', numbers(partition * 10, partition * 10 + 10), partition).then(() => true))
  }

  await third?.kill()
  const reader = new Reader({ brokers: brokers.slice(0, 2), groupId: 'group', topics: ['own-topic'], offsetNewest: true })
  await until('it has committed', async () => String(await platform.committed('group', 'own-topic')) === '10,10,-1')
  expect(reader.lines('begins without partitions')).toMatchObject([{ level: 40, partitions: ['own-topic/2'] }])
  await platform.send('own-topic', ['new'], 0)
  await until('it reads what is new', () => reader.received.length === 1)

  await third?.restart()
  await until('it reads what has its leader back', () => reader.received.length === 11)
  expect([...reader.values].sort()).toEqual([...numbers(20, 30), 'new'])
  await platform.close()
})
