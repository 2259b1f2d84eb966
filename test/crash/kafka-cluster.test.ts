import { afterEach, expect, it } from 'vitest'
import { type KafkaCluster, type KafkaServer, startKafkaCluster } from '../../dev/kafka.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import type { WorkerProcess } from '../../dev/worker-process.ts'
import { GroupScene } from './group-scene.ts'

let cluster: KafkaCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** A broker that starts while others are read and written takes a minute on a busy machine, and as long to catch up. */
const patient = { timeoutMs: 300_000 }

it('three brokers: the coordinator stops, then each of the others; then each is killed. Nothing is lost, and repeats are explained', {
  timeout: 1_200_000,
}, async () => {
  cluster = await startKafkaCluster()
  const { nodes, brokers } = cluster
  const scene = await GroupScene.open({ brokers, partitions: 6 })
  // Longer than a busy machine makes a heartbeat wait: whoever loses its session has to repeat.
  const env = { CFMR_KAFKA_SESSIONTIMEOUT: '30s' }
  const workers = [await scene.start(env), await scene.start(env)]
  for (const worker of workers) await worker.ready(patient)
  scene.startLoad(600)
  await scene.readOn()

  const coordinator = await coordinatorOf(scene, nodes)
  await coordinator.stop()
  await scene.readOn()
  await commitsGoOn(scene)
  await coordinator.restart()
  await allInSync(scene)
  for (const node of nodes.filter((node) => node !== coordinator)) {
    await node.restart()
    await scene.readOn()
    await allInSync(scene)
  }
  for (const node of nodes) {
    const coordinates = node === (await coordinatorOf(scene, nodes))
    await node.kill()
    await scene.readOn()
    // It tells nobody: its members have to find out that there is another one. Whether they join anew for that is Kafka's and the client's affair.
    if (coordinates) await commitsGoOn(scene)
    await node.restart()
    await allInSync(scene)
  }
  await commitsGoOn(scene)

  await scene.expectNothingLost()
  const consumed = await scene.stopAll(...workers)
  // Of what was said some may not come again: a commit is stored, and the broker dies before it can say so.
  const repeats = consumed - (await scene.inTopic())
  expect([repeats >= 0, repeats <= repeatsSaid(workers)], `${repeats} repeats, ${repeatsSaid(workers)} said`).toEqual([true, true])
  for (const worker of workers) expect(worker.log.filter(({ level }) => level === 'ERROR')).toEqual([])
})

/** As Kafka finds it: the leader of that partition of __consumer_offsets which the group's name falls to. */
function coordinatorOf({ kafka, group }: GroupScene, nodes: readonly KafkaServer[]): Promise<KafkaServer> {
  let hash = 0
  for (const character of group) hash = (Math.imul(31, hash) + character.charCodeAt(0)) | 0
  return waitUntil(
    'the group has a coordinator',
    async () => {
      const { topics } = await kafka.admin.fetchTopicMetadata({ topics: ['__consumer_offsets'] }).catch(() => ({ topics: [] }))
      const partitions = topics[0]?.partitions ?? []
      const partition = (hash & 0x7fffffff) % partitions.length
      return nodes[(partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? 0) - 1]
    },
    patient,
  )
}

async function commitsGoOn({ kafka, group, topic }: GroupScene): Promise<void> {
  const ends = await waitUntil('Kafka says where the partitions end', () => kafka.ends(topic).catch(() => undefined), patient)
  await waitUntil(
    'what was there is committed',
    async () => {
      const committed = await kafka.committed(group, topic).catch(() => [])
      return ends.every((end, partition) => (committed[partition] ?? -1) >= end)
    },
    patient,
  )
}

/** No other broker may go before this one has caught up: two are needed for a write. */
async function allInSync({ kafka, topic }: GroupScene): Promise<void> {
  await waitUntil(
    'all replicas are in sync',
    async () => {
      const { topics } = await kafka.admin.fetchTopicMetadata({ topics: [topic, '__consumer_offsets'] }).catch(() => ({ topics: [] }))
      return topics.length === 2 && topics.every(({ partitions }) => partitions.every(({ isr }) => isr.length === 3))
    },
    patient,
  )
}

/** What workers have said that they will read again. */
function repeatsSaid(workers: readonly WorkerProcess[]): number {
  return workers.flatMap(({ log }) => log).reduce((sum, { repeats }) => sum + Number(repeats ?? 0), 0)
}
