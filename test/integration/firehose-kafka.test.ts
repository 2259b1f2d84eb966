import { expect, it, onTestFinished } from 'vitest'
import { loadV2Mix } from '../../dev/load/v2-mix.ts'
import type { GatewayEnvelope } from '../../dev/loggregator/envelope.ts'
import { startFoundation } from '../support/firehose.ts'
import { KafkaTester } from '../support/kafka.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { startWorker } from '../support/worker.ts'

it('firehose, Kafka and a refinery behind it give the same points as the firehose alone', async () => {
  const kafka = await KafkaTester.connect(await shared('kafka'))
  onTestFinished(() => kafka.close())
  const between = await kafka.topic({ partitions: 2 })
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const { cloudController, gateway, numbered } = foundation
  const login = { CFMR_CF_API: cloudController.url, CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin', CFMR_BATCHER_FLUSHINTERVAL: '100ms' }

  async function refinery(env: Record<string, string>) {
    const lines: string[] = []
    const worker = await startWorker({ env: { ...login, CFMR_OUTPUT: 'stdout', ...env }, onOutput: (line) => void lines.push(line) })
    await worker.ready()
    return { worker, lines }
  }

  const first = await startWorker({
    env: {
      ...{ ...login, CFMR_INPUT: 'firehose', CFMR_OUTPUT: 'kafka', CFMR_KAFKAOUTPUT_FORMAT: 'envelope' },
      ...{ CFMR_KAFKAOUTPUT_TOPIC: between, CFMR_KAFKAOUTPUT_BROKERS: kafka.brokers.join(',') },
    },
  })
  await first.ready()
  const [alone, behind] = await Promise.all([
    // Another shard: it gets all of it, too.
    refinery({ CFMR_INPUT: 'firehose', CFMR_FIREHOSE_SHARDID: 'alone' }),
    refinery({ CFMR_KAFKA_BROKERS: kafka.brokers.join(','), CFMR_KAFKA_TOPICS: between, CFMR_KAFKA_CONSUMERGROUP: uniqueName('group') }),
  ])
  await first.waitUntil('all streams are open', () => gateway.streams.length === 4)
  const all = 2000
  gateway.publish(...Array.from({ length: all }, (_, number) => numbered.envelope(number)))
  // Envelopes of other makers, with usage that only V2 can tell.
  const mix = loadV2Mix()
  const others = Array.from({ length: all }, (_, number): GatewayEnvelope => {
    return { selector: 'log', sourceId: '', text: String(mix.envelope(number)) }
  })
  gateway.publish(...others)
  await alone.worker.waitUntil('all is written', async () => {
    const { ledger } = await alone.worker.stats()
    return ledger.consumed === 2 * all && ledger.in_flight === 0
  })
  // V1 has no such thing, and a nozzle writes none of it.
  const expected = alone.lines.filter((line) => !/ (absolute_entitlement|cpu_entitlement|log_rate)=/.test(line))
  expect(expected.length).toBeGreaterThan(all)
  expect(expected.length).toBeLessThan(alone.lines.length)
  await behind.worker.waitUntil('all is written', () => behind.lines.length >= expected.length)
  expect(behind.lines.sort()).toEqual(expected.sort())
  expect((await first.stats()).ledger).toMatchObject({ consumed: 2 * all, written: expected.length, dropped: 0, residue: 0 })

  const [message] = await kafka.consume(between, 1)
  expect(JSON.parse(String(message?.value))).toMatchObject({ origin: expect.any(String), eventType: expect.any(Number), deployment: 'cf' })
  expect(message?.headers).toMatchObject({ 'cfmr-topic': 'firehose', 'cfmr-org': expect.any(String) })
})
