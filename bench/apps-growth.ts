import { parseArgs } from 'node:util'
import { startKafka } from '../dev/kafka.ts'
import { createTopics, kafkaClient } from '../dev/kafka-client.ts'
import { loadMix } from '../dev/load/mix.ts'
import { fillTopic } from './end-to-end/fill-topic.ts'
import { startNullSink } from './end-to-end/sinks.ts'
import { drain, idleStart, workerEnvironment } from './end-to-end/worker-runs.ts'
import { median, printResult, type Result, rounded } from './figures.ts'

/**
 * What many apps cost: CPU of the built worker from a real Kafka to the null sink for as many envelopes of 100 apps as of 100,000,
 * each app named as often as the others. Less an idle start each, which fetches all those apps; medians of three runs that
 * take turns.
 */
const { values: options } = parseArgs({
  options: {
    envelopes: { type: 'string', default: '1200000' },
    json: { type: 'boolean', default: false },
  },
})
const envelopes = Number(options.envelopes)
const ROUNDS = 3
const APPS = { few: 100, many: 100_000 }
type Platform = keyof typeof APPS
const say = (text: string) => console.error(text)

printResult(await measure(), options.json)

async function measure(): Promise<Result> {
  const kafka = await startKafka()
  const sink = await startNullSink()
  try {
    const client = kafkaClient(kafka.brokers)
    await createTopics(client, [{ topic: 'empty' }])
    const platform = async (topic: Platform) => {
      const mix = loadMix({ apps: APPS[topic] })
      say(`filling a topic with envelopes of ${mix.apps.length} apps …`)
      await fillTopic({ kafka: client, topic, partitions: 4, mix, envelopes })
      const env = workerEnvironment(kafka.brokers, sink, mix)
      return {
        idleStart: () => idleStart(env, 'empty'),
        drain: (group: string) => drain({ client, env, topic, group, mix, envelopes, sink }),
      }
    }
    const platforms = { few: await platform('few'), many: await platform('many') }
    const runs: { readonly topic: Platform; readonly idle: number; readonly whole: number; readonly rss: number }[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      say(`round ${round} of ${ROUNDS} …`)
      for (const topic of ['few', 'many'] as const) {
        const { cpuSeconds: idle } = await platforms[topic].idleStart()
        const { cpuSeconds: whole, peakRssBytes: rss } = await platforms[topic].drain(`${topic}-${round}`)
        runs.push({ topic, idle, whole, rss })
      }
    }
    const medianOf = (topic: Platform, figure: 'idle' | 'whole' | 'rss') =>
      median(runs.filter((run) => run.topic === topic).map((run) => run[figure]))
    const secondsOf = (topic: Platform) => medianOf(topic, 'whole') - medianOf(topic, 'idle')
    return {
      envelopes,
      idle_start_cpu_seconds_100_apps: rounded(medianOf('few', 'idle')),
      idle_start_cpu_seconds_100000_apps: rounded(medianOf('many', 'idle')),
      worker_cpu_seconds_100_apps: rounded(secondsOf('few')),
      worker_cpu_seconds_100000_apps: rounded(secondsOf('many')),
      growth_100_to_100000_apps: rounded(secondsOf('many') / secondsOf('few')),
      peak_rss_mb_100000_apps: Math.round(medianOf('many', 'rss') / 2 ** 20),
    }
  } finally {
    await sink.close()
    await kafka.close()
  }
}
