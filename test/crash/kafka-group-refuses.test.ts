import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { KafkaTester } from '../support/kafka.ts'
import { run } from '../support/program.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { sampleAppsApi } from '../support/worker.ts'

let server: KafkaServer
let kafka: KafkaTester
let topic: string

beforeAll(async () => {
  server = await startKafka({ properties: { 'group.max.session.timeout.ms': 10_000, 'group.max.size': 2 } })
  kafka = await KafkaTester.connect(server)
  topic = await kafka.topic()
})

afterAll(async () => {
  await kafka?.close()
  await server?.close()
})

const env = async (group: string, more: Record<string, string> = {}) => ({
  CFMR_KAFKA_BROKERS: server.brokers.join(),
  CFMR_KAFKA_TOPICS: topic,
  CFMR_KAFKA_CONSUMERGROUP: group,
  CFMR_KAFKA_SESSIONTIMEOUT: '8s',
  CFMR_KAFKA_GIVEUP: '1s',
  CFMR_INFLUXDB_ADDR: (await shared('influxdb')).url,
  CFMR_INFLUXDB_DATABASE: 'nobody writes there',
  CFMR_CF_API: sampleAppsApi,
  ...more,
})

/** A member that stays, with the program's protocol or another. */
async function occupy(group: string, assigner: 'RoundRobinAssigner' | 'another'): Promise<() => Promise<void>> {
  const consumer = kafka.client.consumer({
    groupId: group,
    sessionTimeout: 8000,
    partitionAssigners: [
      (config) => {
        const own = kafkajs.PartitionAssigners.roundRobin(config)
        return { ...own, name: assigner, protocol: (subscription) => ({ ...own.protocol(subscription), name: assigner }) }
      },
    ],
  })
  await consumer.connect()
  await consumer.subscribe({ topic })
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()))
  await consumer.run({ eachMessage: async () => {} })
  await joined
  return () => consumer.disconnect()
}

describe.each([
  ['a session time-out beyond the limit of the brokers', { CFMR_KAFKA_SESSIONTIMEOUT: '20s' }, [], 'CFMR_KAFKA_SESSIONTIMEOUT'],
  ['a member with another protocol', {}, ['another'], 'CFMR_KAFKA_CONSUMERGROUP'],
  ['a full group', {}, ['RoundRobinAssigner', 'RoundRobinAssigner'], 'group.max.size'],
] as const)('%s', (_, more, occupants, named) => {
  it('is an ERROR that names what to change, ends it with 1 at CFMR_KAFKA_GIVEUP, and is found by check', async () => {
    const group = uniqueName('group')
    const leaving: (() => Promise<void>)[] = []
    for (const protocol of occupants) leaving.push(await occupy(group, protocol))
    try {
      const all = await env(group, more)
      const { code, log, stdout } = await run({ env: all })
      const errors = log.filter(({ level }) => level === 'ERROR')
      expect(code, stdout).toBe(1)
      expect(errors[0]).toMatchObject({
        msg: expect.stringContaining('does not take this instance'),
        error: expect.stringContaining(named),
      })
      expect(errors.at(-1)).toMatchObject({ msg: 'Cannot go on', error: expect.stringContaining(named) })
      const check = await run({ args: ['check'], env: all })
      expect(check.stdout).toMatch(/takes no further member/)
      expect(check.stdout).toContain(named)
    } finally {
      await Promise.all(leaving.map((leave) => leave()))
    }
  })
})
