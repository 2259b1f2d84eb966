import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startKafka } from '../dev/kafka.ts'
import { createTopics, kafkaClient } from '../dev/kafka-client.ts'
import { loadMix } from '../dev/load/mix.ts'
import { WorkerProcess } from '../dev/worker-process.ts'
import { fillTopic } from './end-to-end/fill-topic.ts'
import { startNullSink } from './end-to-end/sinks.ts'
import { type Cost, costOf, drain, idleStart, workerEnvironment } from './end-to-end/worker-runs.ts'
import { median, printResult, type Result, rounded } from './figures.ts'

/**
 * What partitions cost: CPU of the built worker to the null sink, and of stock kafkajs that only counts, for the same
 * envelopes, in record batches of the same size, in a topic with 4 partitions and in one with 500. Both with Node's
 * options of `npm start`, less an idle start each; medians of three runs that take turns.
 *
 * Every fetch names every partition, so kafkajs pays for partitions whatever is built on it. The floor is for what the worker
 * adds to that: the CPU seconds that it takes more with 500 than with 4 are at most 1.3 times those that kafkajs alone takes
 * more. How many times as much each takes is printed, too, but is no test: as the worker does more with each envelope, the
 * same seconds more are less to it.
 */
const { values: options } = parseArgs({
  options: {
    envelopes: { type: 'string', default: '400000' },
    json: { type: 'boolean', default: false },
  },
})
const envelopes = Number(options.envelopes)
const ROUNDS = 3
/** Few enough for several record batches in each of many partitions. */
const BATCH_MESSAGES = 100
const PARTITIONS = { few: 4, many: 500 }
const say = (text: string) => console.error(text)

type Topic = 'empty' | 'few' | 'many'
/** What it costs a new group to read all of the topic, or to join where there is nothing to read. */
type Read = (topic: Topic, group: string) => Promise<Cost>
type Readers = Readonly<Record<'kafkajs' | 'worker', Read>>

printResult(await measure(), options.json)

async function measure(): Promise<Result> {
  const mix = loadMix()
  const kafka = await startKafka()
  const sink = await startNullSink()
  try {
    const client = kafkaClient(kafka.brokers)
    await createTopics(client, [{ topic: 'empty' }])
    for (const topic of ['few', 'many'] as const) {
      say(`filling ${PARTITIONS[topic]} partitions …`)
      await fillTopic({ kafka: client, topic, partitions: PARTITIONS[topic], mix, envelopes, batchMessages: BATCH_MESSAGES })
    }
    const env = workerEnvironment(kafka.brokers, sink, mix)
    return await compare({
      kafkajs: (topic, group) => kafkajsAlone(kafka.brokers, topic, group),
      worker: (topic, group) => (topic === 'empty' ? idleStart(env, topic) : drain({ client, env, topic, group, mix, envelopes, sink })),
    })
  } finally {
    await sink.close()
    await kafka.close()
  }
}

async function compare(readers: Readers): Promise<Result> {
  const runs: (Cost & { readonly reader: keyof Readers; readonly topic: Topic })[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    say(`round ${round} of ${ROUNDS} …`)
    for (const reader of ['kafkajs', 'worker'] as const) {
      for (const topic of ['empty', 'few', 'many'] as const) {
        runs.push({ reader, topic, ...(await readers[reader](topic, `${reader}-${round}`)) })
      }
    }
  }
  const medianOf = (figure: keyof Cost, reader: keyof Readers, topic: Topic) =>
    median(runs.filter((run) => run.reader === reader && run.topic === topic).map((run) => run[figure]))
  const secondsOf = (reader: keyof Readers) => {
    const idle = medianOf('cpuSeconds', reader, 'empty')
    return { few: medianOf('cpuSeconds', reader, 'few') - idle, many: medianOf('cpuSeconds', reader, 'many') - idle }
  }
  const kafkajs = secondsOf('kafkajs')
  const worker = secondsOf('worker')
  return {
    envelopes,
    kafkajs_cpu_seconds_4_partitions: rounded(kafkajs.few),
    kafkajs_cpu_seconds_500_partitions: rounded(kafkajs.many),
    worker_cpu_seconds_4_partitions: rounded(worker.few),
    worker_cpu_seconds_500_partitions: rounded(worker.many),
    kafkajs_times_as_much_with_500: rounded(kafkajs.many / kafkajs.few),
    worker_times_as_much_with_500: rounded(worker.many / worker.few),
    kafkajs_cpu_seconds_more: rounded(kafkajs.many - kafkajs.few),
    worker_cpu_seconds_more: rounded(worker.many - worker.few),
    worker_more_to_kafkajs_more: rounded((worker.many - worker.few) / (kafkajs.many - kafkajs.few)),
    kafkajs_peak_rss_mb_500_partitions: Math.round(medianOf('peakRssBytes', 'kafkajs', 'many') / 2 ** 20),
    worker_peak_rss_mb_500_partitions: Math.round(medianOf('peakRssBytes', 'worker', 'many') / 2 ** 20),
  }
}

async function kafkajsAlone([broker = '']: readonly string[], topic: Topic, group: string): Promise<Cost> {
  const program = fileURLToPath(new URL('partitions/kafkajs-alone.mjs', import.meta.url))
  const count = topic === 'empty' ? 0 : envelopes
  const kafkajs = await WorkerProcess.start({ program, env: {}, args: [broker, topic, group, String(count)] })
  try {
    await kafkajs.logged(count === 0 ? /^joined$/ : /^counted$/, { timeoutMs: 600_000, everyMs: 100 })
    return costOf(kafkajs)
  } finally {
    await kafkajs.stop()
  }
}
