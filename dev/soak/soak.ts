import { Partitioners } from 'kafkajs'
import { startCloudController } from '../cloud-controller/cloud-controller.ts'
import { freePorts } from '../free-port.ts'
import { startInfluxDb } from '../influxdb.ts'
import { startKafka } from '../kafka.ts'
import { createTopics, kafkaClient } from '../kafka-client.ts'
import { nodeArgsOfStart, WorkerProcess } from '../worker-process.ts'
import { askOften, Generations, sendFrom } from './churn.ts'
import { inspectorArgs, RemoteHeap } from './heap.ts'

export interface SoakOptions {
  /** Told before each round: how many there were, and for how many ms. */
  readonly goesOn: (rounds: number, elapsedMs: number) => boolean
  /** Of one round. */
  readonly requests: number
  readonly apps: number
  /** A line of figures after each round. */
  readonly say: (text: string) => void
}

export interface SoakResult {
  readonly rounds: number
  readonly requests: number
  readonly apps: number
  readonly rebalances: number
  readonly messages: number
  /** Of the heap, each round, after a collection. */
  readonly heap_bytes: readonly number[]
  readonly growth_bytes_per_round: number
  readonly peak_rss_bytes: number
  /** What ended as no contract allows. Must be empty. */
  readonly unexpected: readonly string[]
}

/** Compilers, caches and pools fill in the first rounds. */
const WARM_UP_ROUNDS = 3
const topic = 'soak'
const database = 'soak'

/**
 * One worker under churn: apps come, are renamed and go, another member of the group comes and goes, servers fail for a moment, and its own server is asked for
 * everything again and again. What stays on its heap round after round is a leak.
 */
export async function soak({ goesOn, requests, apps, say }: SoakOptions): Promise<SoakResult> {
  const closing: (() => unknown)[] = []
  try {
    const kafka = await startKafka()
    closing.unshift(() => kafka.close())
    const influxDb = await startInfluxDb({ databases: [database] })
    closing.unshift(() => influxDb.close())
    const cc = await startCloudController({ apps: [] })
    closing.unshift(() => cc.close())
    const generations = new Generations(cc.platform)
    generations.next(apps)
    const client = kafkaClient(kafka.brokers)
    await createTopics(client, [{ topic, partitions: 4 }])
    const producer = client.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    closing.unshift(() => producer.disconnect())

    const env = {
      CFMR_KAFKA_BROKERS: kafka.brokers.join(','),
      CFMR_KAFKA_TOPICS: topic,
      CFMR_KAFKA_CONSUMERGROUP: 'soak',
      CFMR_KAFKA_SESSIONTIMEOUT: '6s',
      CFMR_INFLUXDB_ADDR: influxDb.url,
      CFMR_INFLUXDB_DATABASE: database,
      CFMR_BATCHER_FLUSHINTERVAL: '100ms',
      CFMR_CF_API: cc.url,
      CFMR_CF_USER: 'admin',
      CFMR_CF_PASSWORD: 'admin',
      CFMR_METADATAREFRESH: '2s',
      CFMR_METADATAEXPIRE: '3s',
      CFMR_METADATAEXPIRECHECK: '1s',
      CFMR_NEGATIVECACHEEXPIRE: '2s',
      CFMR_NEGATIVECACHEEXPIRECHECK: '1s',
      CFMR_METADATACACHESIZE: 2 * apps,
      CFMR_NEGATIVECACHESIZE: apps,
      CFMR_LOGLEVEL: 'ERROR',
    }
    const [port = 0] = await freePorts(1)
    const worker = await WorkerProcess.start({ env, nodeArgs: [...nodeArgsOfStart, ...inspectorArgs(port)] })
    closing.unshift(() => worker.kill())
    await worker.ready()
    const heap = await RemoteHeap.connect(port)
    closing.unshift(() => heap.close())

    const heapBytes: number[] = []
    const startMs = performance.now()
    let messages = 0
    let rebalances = 0
    const unexpected: string[] = []
    while (goesOn(heapBytes.length, performance.now() - startMs)) {
      const round = heapBytes.length
      const guids = generations.next(apps)
      if (round % 3 === 1) cc.faults.add({ effect: 'answer', status: 503, times: 5 })
      messages += await sendFrom(producer, topic, guids, messages)
      const other = await WorkerProcess.start({ env })
      await other.ready()
      rebalances++
      generations.rename()
      messages += await sendFrom(producer, topic, guids, messages)
      await askOften(worker.url, requests)
      const { code } = await other.stop()
      if (code !== 0) unexpected.push(`round ${round}: the other member ended with ${code}`)
      const { ledger } = await settled(worker)
      if (ledger.residue !== 0) unexpected.push(`round ${round}: a residue of ${ledger.residue}`)
      heapBytes.push(await heap.usedBytes())
      say(`${String(round + 1).padStart(5)}  ${((heapBytes.at(-1) ?? 0) / 1024).toFixed(0).padStart(8)} KB heap  ${messages} messages`)
    }
    heap.close()
    const exit = await worker.stop()
    if (exit.code !== 0) unexpected.push(`the worker ended with ${exit.code}`)
    unexpected.push(...worker.otherOutput.filter((line) => !/^Debugger |^For help, see: /.test(line)).map((line) => `printed: ${line}`))
    return {
      rounds: heapBytes.length,
      requests: heapBytes.length * requests,
      apps: heapBytes.length * apps,
      rebalances,
      messages,
      heap_bytes: heapBytes,
      growth_bytes_per_round: growthOf(heapBytes.slice(WARM_UP_ROUNDS)),
      peak_rss_bytes: worker.peakRssBytes,
      unexpected,
    }
  } finally {
    for (const close of closing) await close()
  }
}

/** Once nothing is in flight and nothing was read for a moment. */
async function settled(worker: WorkerProcess) {
  let consumed = -1
  return worker.waitUntil(
    'all is settled',
    async () => {
      const stats = await worker.stats()
      const isSettled = stats.ledger.in_flight === 0 && stats.kafka.lag === 0 && stats.ledger.consumed === consumed
      consumed = stats.ledger.consumed
      return isSettled ? stats : undefined
    },
    { timeoutMs: 120_000, everyMs: 300 },
  )
}

/**
 * What the lowest of the last third has more than the lowest of the first third, for each round between the two: what is in use for a moment
 * at the end of a round can only add, so that the lowest is nearest to what stays.
 */
function growthOf(bytes: readonly number[]): number {
  const third = Math.max(1, Math.floor(bytes.length / 3))
  const lowest = (from: number, to: number) =>
    bytes
      .slice(from, to)
      .reduce((least, value, i) => (value < least[0] ? ([value, from + i] as const) : least), [Number.POSITIVE_INFINITY, from] as readonly [
        number,
        number,
      ])
  const [early, first] = lowest(0, third)
  const [late, last] = lowest(bytes.length - third, bytes.length)
  return Math.round((late - early) / (last - first))
}
