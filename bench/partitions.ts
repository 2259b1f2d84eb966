import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startKafka } from '../dev/kafka.ts'
import { createTopics, kafkaClient } from '../dev/kafka-client.ts'
import { loadMix } from '../dev/load/mix.ts'
import { cpuSeconds } from '../dev/process-usage.ts'
import { WorkerProcess } from '../dev/worker-process.ts'
import { fillTopic } from './end-to-end/fill-topic.ts'
import { startNullSink } from './end-to-end/sinks.ts'
import { drain, idleStartSeconds, workerEnvironment } from './end-to-end/worker-runs.ts'
import { median, printResult, type Result, rounded } from './figures.ts'

/**
 * What partitions cost: CPU of the built worker to the null sink, and of stock kafkajs that only counts, for the same
 * envelopes, in record batches of the same size, in a topic with 4 partitions and in one with 500. Less an idle start each;
 * medians of three runs that take turns.
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
/** CPU seconds until a new group has read all of the topic, or until it has joined where there is nothing to read. */
type Read = (topic: Topic, group: string) => Promise<number>
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
      kafkajs: (topic, group) => kafkajsSeconds(kafka.brokers, topic, group),
      worker: async (topic, group) => {
        if (topic === 'empty') return idleStartSeconds(env, topic)
        return (await drain({ client, env, topic, group, mix, envelopes, sink })).cpuSeconds
      },
    })
  } finally {
    await sink.close()
    await kafka.close()
  }
}

async function compare(readers: Readers): Promise<Result> {
  const runs: { readonly reader: keyof Readers; readonly topic: Topic; readonly seconds: number }[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    say(`round ${round} of ${ROUNDS} …`)
    for (const reader of ['kafkajs', 'worker'] as const) {
      for (const topic of ['empty', 'few', 'many'] as const) {
        runs.push({ reader, topic, seconds: await readers[reader](topic, `${reader}-${round}`) })
      }
    }
  }
  const secondsOf = (reader: keyof Readers, topic: Topic) =>
    median(runs.filter((run) => run.reader === reader && run.topic === topic).map(({ seconds }) => seconds))
  const costOf = (reader: keyof Readers) => {
    const idle = secondsOf(reader, 'empty')
    return { few: secondsOf(reader, 'few') - idle, many: secondsOf(reader, 'many') - idle }
  }
  const kafkajs = costOf('kafkajs')
  const worker = costOf('worker')
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
  }
}

async function kafkajsSeconds([broker = '']: readonly string[], topic: Topic, group: string): Promise<number> {
  const program = fileURLToPath(new URL('partitions/kafkajs-alone.mjs', import.meta.url))
  const count = topic === 'empty' ? 0 : envelopes
  const kafkajs = await WorkerProcess.start({ program, env: {}, args: [broker, topic, group, String(count)] })
  try {
    await kafkajs.logged(count === 0 ? /^joined$/ : /^counted$/, { timeoutMs: 600_000, everyMs: 100 })
    return cpuSeconds(kafkajs.pid)
  } finally {
    await kafkajs.stop()
  }
}
