import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Certificates, makeCertificates } from './certificates.ts'
import { freePorts } from './free-port.ts'
import { findJava } from './java.ts'
import { kafkaClient } from './kafka-client.ts'
import { kafkaJars } from './kafka-jars.ts'
import { linesOf, nodeProperties, type ProxiedListener, user } from './kafka-properties.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'
import { waitUntil } from './wait-until.ts'

type KafkaVersion = '4.1.1' | '3.9.1'

export interface KafkaOptions {
  readonly version?: KafkaVersion
  /** Of the plain listener; a free one by default. */
  readonly port?: number
  /** What clients are told to connect to, such as the port of a proxy that is there already; by default the port itself. */
  readonly advertisedPort?: number
  /** Further plain listeners, each behind a proxy of its own. */
  readonly proxied?: readonly ProxiedListener[]
  /** Three more listeners, see {@link SecureListeners}. */
  readonly secure?: boolean
  /** Over the defaults below, as in server.properties. */
  readonly properties?: Readonly<Record<string, string | number>>
}

/** Those with TLS have a certificate for localhost and 127.0.0.1. */
export interface SecureListeners {
  /** SASL (SCRAM-SHA-256, SCRAM-SHA-512, PLAIN) over TLS. */
  readonly saslBrokers: readonly string[]
  /** The same without TLS. */
  readonly openSaslBrokers: readonly string[]
  /** TLS that asks for the client's certificate and takes no other answer. */
  readonly tlsBrokers: readonly string[]
  readonly username: string
  readonly password: string
  readonly certificates: Certificates
}

export interface KafkaServer {
  readonly version: string
  /** Plain listener, `host:port`, as clients are told. */
  readonly brokers: readonly string[]
  readonly secure: SecureListeners | undefined
  /** Where it keeps its logs: a folder a partition. */
  readonly dataFolder: string
  /** Of the process that runs now, or ran last. */
  readonly pid: number
  /** SIGTERM, awaited. */
  stop(): Promise<void>
  /** SIGKILL, awaited. */
  kill(): Promise<void>
  /** SIGSTOP: sockets stay open, nothing is answered. */
  freeze(): void
  thaw(): void
  /** Again on the same ports and data, stopped before if it runs. Resolves when it serves. */
  restart(): Promise<void>
  /** For the end: kills it and deletes its data. */
  close(): Promise<void>
}

export interface KafkaCluster {
  readonly brokers: readonly string[]
  /** Broker 1 is the first; each is a controller too. */
  readonly nodes: readonly KafkaServer[]
  close(): Promise<void>
}

/** One broker that is its own controller. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const [controller] = await freePorts(1)
  const server = await startNode(1, [`1@127.0.0.1:${controller}`], options)
  await groupsReady(server.brokers, server.close)
  return server
}

/** Replication 3, two of them in sync for a write with acks -1: any one node may go. */
export async function startKafkaCluster({
  nodes: count = 3,
  ...options
}: KafkaOptions & { readonly nodes?: number } = {}): Promise<KafkaCluster> {
  const voters = (await freePorts(count)).map((port, index) => `${index + 1}@127.0.0.1:${port}`)
  const properties = {
    'default.replication.factor': count,
    'min.insync.replicas': Math.min(2, count),
    'offsets.topic.replication.factor': count,
    'transaction.state.log.replication.factor': count,
    'transaction.state.log.min.isr': Math.min(2, count),
    ...options.properties,
  }
  const starts = await Promise.allSettled(voters.map((_, index) => startNode(index + 1, voters, { ...options, properties })))
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const close = async () => void (await Promise.all(nodes.map((node) => node.close())))
  const failed = starts.find((start) => start.status === 'rejected')
  if (failed) {
    await close()
    throw failed.reason
  }
  const brokers = nodes.flatMap((node) => node.brokers)
  await groupsReady(brokers, close)
  return { brokers, nodes, close }
}

/** A new Kafka makes the topic of committed offsets when it is first asked for; until then it turns groups away. */
async function groupsReady(brokers: readonly string[], close: () => Promise<void>): Promise<void> {
  const admin = kafkaClient(brokers).admin()
  try {
    await admin.connect()
    // Java hashes these to as many different partitions as that topic has here.
    for (const groupId of ['a', 'b', 'c', 'd']) {
      await waitUntil('Kafka coordinates groups', () =>
        admin.fetchOffsets({ groupId }).then(
          () => true,
          () => false,
        ),
      )
    }
  } catch (error) {
    await close()
    throw error
  } finally {
    await admin.disconnect()
  }
}

const clusterId = 'cfmr-dev-cluster-00001'

async function startNode(id: number, voters: readonly string[], options: KafkaOptions): Promise<KafkaServer> {
  const version = options.version ?? '4.1.1'
  const java = findJava()
  if (java === undefined) throw new Error('Kafka needs Java 17 or later: no java in JAVA_HOME or on the PATH')
  const jars = await kafkaJars(version)
  const folder = scratchFolder(`kafka-${id}`)
  const [plainPort = 0, saslPort = 0, openSaslPort = 0, tlsPort = 0] = await freePorts(4)
  const port = options.port ?? plainPort
  const certificates = options.secure ? makeCertificates(folder) : undefined

  const propertiesFile = join(folder, 'server.properties')
  const properties = {
    ...nodeProperties({ id, voters, folder, port, saslPort, openSaslPort, tlsPort, certificates, ...options }),
    ...options.properties,
  }
  writeFileSync(propertiesFile, linesOf(properties))
  mkdirSync(join(folder, 'data'))
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((kind) => [
    '--add-scram',
    `${kind}=[name=${user.username},password=${user.password}]`,
  ])
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesFile, ...(certificates ? scram : [])]
  await promisify(execFile)(java, [...jvm, '-cp', join(jars, '*'), ...format])

  let runs = 0
  const start = () =>
    ServerProcess.start({
      name: `Kafka ${version}`,
      command: java,
      args: [...jvm, '-cp', join(jars, '*'), 'kafka.Kafka', propertiesFile],
      logFile: join(folder, `kafka-${++runs}.log`),
      ready: (log) => log.includes('Kafka Server started'),
      // On a busy machine, after a kill: it looks through what it has first.
      readyTimeoutMs: 180_000,
    })
  let running = await start()
  return {
    version,
    brokers: [`127.0.0.1:${options.advertisedPort ?? port}`],
    secure: certificates && {
      saslBrokers: [`127.0.0.1:${saslPort}`],
      openSaslBrokers: [`127.0.0.1:${openSaslPort}`],
      tlsBrokers: [`127.0.0.1:${tlsPort}`],
      ...user,
      certificates,
    },
    dataFolder: join(folder, 'data'),
    get pid() {
      return running.pid
    },
    stop: () => running.stop(),
    kill: () => running.kill(),
    freeze: () => running.freeze(),
    thaw: () => running.thaw(),
    restart: async () => {
      await running.stop()
      running = await start()
    },
    close: async () => {
      await running.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Small and quick to start: the first compiler tier is enough for what tests and demos send. */
const jvm = [
  '-Xms128m',
  '-Xmx384m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
]
