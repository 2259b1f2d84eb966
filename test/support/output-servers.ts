import { freePorts } from '../../dev/free-port.ts'
import { startKafka } from '../../dev/kafka.ts'
import { startOpenSearch } from '../../dev/opensearch.ts'
import { FaultProxy } from '../../dev/proxy.ts'
import { startRsyslog } from '../../dev/rsyslog.ts'
import { startS3Server } from '../../dev/s3-server.ts'
import { startStatsd } from '../../dev/statsd.ts'
import type { WorkerOptions } from '../../dev/worker-process.ts'
import type { Installation } from './installation.ts'
import { KafkaTester } from './kafka.ts'
import { readObjects } from './s3-output.ts'
import { shared, uniqueName } from './shared.ts'

/** Where one worker writes to, and what has come there. */
export interface OutputPlace {
  readonly env: WorkerOptions['env']
  /** Before its server. */
  readonly proxy: FaultProxy
  /** Different events that are there; of statsd the log lines, each as often as it was counted. */
  stored(): Promise<number>
  close(): Promise<void>
}

export const OUTPUT_NAMES = ['influxdb', 'elasticsearch', 'kafka', 's3', 'syslog', 'statsd', 'stdout'] as const
export type OutputName = (typeof OUTPUT_NAMES)[number]

export interface OutputServers {
  /** A new place in a real server of that output. */
  place(name: Exclude<OutputName, 'stdout'>, site: Installation): Promise<OutputPlace>
  close(): Promise<void>
}

const portOf = (url: string) => Number(new URL(url).port)
const TIMEOUT = '2s'
/** Kafka's clients go where brokers tell them to, so each proxy needs a listener that tells of it. */
const KAFKA_PLACES = 8
/** What Kafka's topics take of a message. */
export const MOST_MESSAGE_BYTES = 100_000

/** Those servers that many can share are started once. */
export async function startOutputServers(): Promise<OutputServers> {
  const [openSearch, s3, influxDb, kafka] = await Promise.all([
    startOpenSearch({ 'indices.id_field_data.enabled': 'true' }),
    startS3Server(),
    shared('influxdb'),
    startProxiedKafka(),
  ])
  const behind = async (
    targetPort: number,
    place: (port: number) => Omit<OutputPlace, 'proxy' | 'close'>,
    server?: { close(): Promise<void> },
    sparesTarget = false,
  ) => {
    const proxy = await FaultProxy.start({ targetPort, sparesTarget })
    const close = async () => {
      await proxy.close()
      await server?.close()
    }
    return { ...place(proxy.port), proxy, close }
  }
  const places: Readonly<Record<Exclude<OutputName, 'stdout'>, (site: Installation) => Promise<OutputPlace>>> = {
    influxdb: (site) =>
      behind(portOf(influxDb.url), (port) => ({
        env: { CFMR_INFLUXDB_ADDR: `http://127.0.0.1:${port}`, CFMR_INFLUXDB_DATABASE: site.database, CFMR_INFLUXDB_TIMEOUT: TIMEOUT },
        stored: async () => Object.values(await site.stored()).reduce((sum, count) => sum + count, 0),
      })),
    elasticsearch: () =>
      behind(portOf(openSearch.url), (port) => {
        const index = uniqueName('cf')
        const env = {
          CFMR_ELASTICSEARCH_URL: `http://127.0.0.1:${port}`,
          CFMR_ELASTICSEARCH_INDEX: `${index}-{kind}`,
          CFMR_ELASTICSEARCH_TIMEOUT: TIMEOUT,
        }
        return { env, stored: async () => (await openSearch.documents(`${index}-*`)).size }
      }),
    kafka: async () => {
      const proxy = kafka.proxies.pop()
      if (proxy === undefined) throw new Error(`more than ${KAFKA_PLACES} tests write to Kafka: raise KAFKA_PLACES`)
      const topic = await kafka.tester.topic({ partitions: 2, config: { 'max.message.bytes': String(MOST_MESSAGE_BYTES) } })
      const stored = async () => {
        const count = (await kafka.tester.ends(topic)).reduce((sum, end) => sum + end, 0)
        const messages = await kafka.tester.consume(topic, count)
        return new Set(messages.map(({ value }) => JSON.parse(String(value)).event.id)).size
      }
      const env = {
        CFMR_KAFKAOUTPUT_TOPIC: topic,
        CFMR_KAFKAOUTPUT_BROKERS: `127.0.0.1:${proxy.port}`,
        CFMR_KAFKAOUTPUT_TIMEOUT: TIMEOUT,
      }
      return { env, proxy, stored, close: () => proxy.close() }
    },
    s3: () =>
      behind(s3.port, (port) => {
        const bucket = uniqueName('bucket')
        s3.makeBucket(bucket)
        const env = {
          CFMR_S3_BUCKET: bucket,
          CFMR_S3_ENDPOINT: `http://127.0.0.1:${port}`,
          CFMR_S3_ACCESSKEYID: s3.accessKeyId,
          CFMR_S3_SECRETACCESSKEY: s3.secretAccessKey,
          CFMR_S3_OBJECTAGE: '300ms',
          CFMR_S3_TIMEOUT: TIMEOUT,
        }
        return { env, stored: async () => (await readObjects(s3, bucket)).documents.length }
      }),
    syslog: async () => {
      const server = await startRsyslog()
      const idOf = (message: string) => /event_id="([\w-]{22})"/.exec(message)?.[1]
      return behind(
        server.ports.relp,
        (port) => ({
          env: { CFMR_SYSLOG_URL: `relp://127.0.0.1:${port}`, CFMR_SYSLOG_METRICS: 'true', CFMR_SYSLOG_TIMEOUT: TIMEOUT },
          stored: async () =>
            new Set(
              server
                .messages()
                .map(idOf)
                .filter((id) => id !== undefined),
            ).size,
        }),
        server,
      )
    },
    statsd: async () => {
      const server = await startStatsd('tcp')
      const isLogs = (name: string) => name.endsWith('.log.count')
      return behind(
        server.port,
        (port) => ({
          env: {
            CFMR_STATSD_ADDR: `tcp://127.0.0.1:${port}`,
            CFMR_STATSD_MAXAGE: '0s',
            CFMR_STATSD_FLUSHINTERVAL: '300ms',
            CFMR_STATSD_TIMEOUT: TIMEOUT,
          },
          stored: async () =>
            Object.entries(await server.read('counters')).reduce((sum, [name, count]) => (isLogs(name) ? sum + Number(count) : sum), 0),
        }),
        server,
        // A connection that is reset ends StatsD's own daemon (0.9.0).
        true,
      )
    },
  }
  return {
    place: (name, site) => places[name](site),
    close: async () => {
      await Promise.all([openSearch.close(), s3.close(), kafka.close()])
    },
  }
}

/** A Kafka to write to, and proxies before as many listeners of it. */
async function startProxiedKafka() {
  const ports = await freePorts(KAFKA_PLACES)
  const proxies = await Promise.all(ports.map((targetPort) => FaultProxy.start({ targetPort })))
  const server = await startKafka({
    proxied: proxies.map(({ port: advertisedPort }, index) => ({ port: ports[index] ?? 0, advertisedPort })),
  })
  const tester = await KafkaTester.connect(server)
  const close = async () => {
    await tester.close()
    await Promise.all(proxies.map((proxy) => proxy.close()))
    await server.close()
  }
  return { proxies, tester, close }
}
