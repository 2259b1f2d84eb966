import { sleep } from '../../src/lib/sleep.ts'
import type { InfluxDbServer } from '../influxdb.ts'
import type { KafkaCluster } from '../kafka.ts'
import type { FaultProxy } from '../proxy.ts'
import type { Instances } from './instances.ts'
import type { Random } from './random.ts'

export interface Victims {
  readonly instances: Instances
  readonly instanceCount: number
  readonly kafka: KafkaCluster
  readonly influxDb: InfluxDbServer
  readonly cloudController: FaultProxy
}

export interface Fault {
  readonly name: string
  readonly weight: number
  /** Resolves when it is healed. */
  run(victims: Victims, random: Random): Promise<void>
}

const seconds = (random: Random, min: number, max: number) => sleep(random.between(min, max) * 1000)
const oneOf = <Choice>(choices: readonly Choice[], random: Random): Choice | undefined =>
  choices[Math.floor(random.next() * choices.length)]

export const instanceFaults: readonly [Fault, ...Fault[]] = [
  { name: 'instance killed', weight: 14, run: async ({ instances }, random) => void (await oneOf(instances.all, random)?.kill()) },
  {
    name: 'instance frozen',
    weight: 2,
    run: async ({ instances }, random) => {
      const worker = oneOf(instances.all, random)
      worker?.freeze()
      await seconds(random, 2, 15)
      worker?.thaw()
    },
  },
  {
    name: 'instance replaced',
    weight: 2,
    run: async ({ instances }, random) => {
      const worker = oneOf(instances.all, random)
      await instances.add()
      if (worker) await instances.remove(worker)
    },
  },
  {
    name: 'instance added or removed',
    weight: 2,
    run: async ({ instances, instanceCount }, random) => {
      const worker = oneOf(instances.all, random)
      if (instances.all.length > instanceCount && worker) await instances.remove(worker)
      else await instances.add()
    },
  },
]

export const serverFaults: readonly [Fault, ...Fault[]] = [
  {
    name: 'InfluxDB frozen',
    weight: 2,
    run: async ({ influxDb }, random) => {
      influxDb.freeze()
      await seconds(random, 2, 12)
      influxDb.thaw()
    },
  },
  {
    name: 'InfluxDB killed',
    weight: 2,
    run: async ({ influxDb }, random) => {
      await influxDb.kill()
      await seconds(random, 0, 8)
      await influxDb.restart()
    },
  },
  {
    name: 'InfluxDB restarted',
    weight: 1,
    run: ({ influxDb }) => influxDb.restart(),
  },
  {
    name: 'Cloud Controller refuses',
    weight: 1,
    run: async ({ cloudController }, random) => {
      await cloudController.refuse()
      await seconds(random, 2, 12)
      await cloudController.heal()
    },
  },
  {
    name: 'Cloud Controller frozen',
    weight: 1,
    run: async ({ cloudController }, random) => {
      cloudController.freeze()
      await seconds(random, 2, 12)
      await cloudController.heal()
    },
  },
  {
    name: 'broker restarted',
    weight: 2,
    run: async ({ kafka }, random) => void (await oneOf(kafka.nodes, random)?.restart()),
  },
  {
    name: 'broker killed',
    weight: 2,
    run: async ({ kafka }, random) => {
      const node = oneOf(kafka.nodes, random)
      await node?.kill()
      await seconds(random, 0, 8)
      await node?.restart()
    },
  },
  {
    name: 'broker frozen',
    weight: 1,
    run: async ({ kafka }, random) => {
      const node = oneOf(kafka.nodes, random)
      node?.freeze()
      await seconds(random, 2, 12)
      node?.thaw()
    },
  },
]
