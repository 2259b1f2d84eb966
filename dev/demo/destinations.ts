import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { Kafka } from 'kafkajs'
import { createTopics } from '../kafka-client.ts'
import type { Kind, Mix } from '../load/mix.ts'
import { startOpenSearch } from '../opensearch.ts'
import { startRsyslog } from '../rsyslog.ts'
import { startS3Server } from '../s3-server.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { startStatsd } from '../statsd.ts'

export type Counts = Partial<Readonly<Record<Exclude<Kind, 'discarded'>, number>>>

/** A real server that the demo shows an output on. */
export interface Destination {
  /** For people: what it is and where. */
  readonly place: string
  /** How to look into it while the demo runs. */
  readonly look: string
  readonly env: Readonly<Record<string, string>>
  /** What the worker prints on stdout, line by line. */
  readonly onOutput?: (line: string) => void
  /** What it holds, by measurement; what it cannot count is left out. Asked once the worker has ended. */
  stored(): Promise<Counts>
  /** A few records as they are there. */
  examples(): Promise<readonly string[]>
  close(): Promise<void>
}

export interface DemoSite {
  readonly id: string
  /** Undefined where the demo needs none. */
  readonly kafka: Kafka | undefined
  readonly mix: Pick<Mix, 'apps'>
}

const EXAMPLES = 2
const NO_INFLUXDB = { CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '' }
const KINDS = { http: 'http_request', log: 'log', container: 'instance' } as const
type DocumentKind = keyof typeof KINDS
const documentKinds = Object.keys(KINDS) as DocumentKind[]

/** By the name of the output. InfluxDB, the default, is among the demo's own servers. */
export const destinations: Readonly<Record<string, (site: DemoSite) => Promise<Destination>>> = {
  elasticsearch: async () => {
    const server = await startOpenSearch()
    return {
      place: `OpenSearch ${server.url}   indices cf-http-…, cf-log-…, cf-container-…`,
      look: `curl '${server.url}/cf-log-*/_search?size=1&pretty'`,
      env: { CFMR_OUTPUT: 'elasticsearch', CFMR_ELASTICSEARCH_URL: server.url, ...NO_INFLUXDB },
      stored: () =>
        eachKind(async (kind) => {
          await server.ask('POST', `/cf-${kind}-*/_refresh`)
          const { body } = await server.ask('GET', `/cf-${kind}-*/_count`)
          return (body as { count: number }).count
        }),
      examples: async () => {
        const { body } = await server.ask('GET', `/cf-*/_search?size=${EXAMPLES}`)
        return (body as { hits: { hits: { _source: unknown }[] } }).hits.hits.map(({ _source }) => JSON.stringify(_source))
      },
      close: () => server.close(),
    }
  },
  kafka: async ({ id, kafka }) => {
    if (kafka === undefined) throw new Error('there is no Kafka in this demo')
    const topicOf = (kind: string) => `cf-documents-${id}-${kind}`
    await createTopics(
      kafka,
      documentKinds.map((kind) => ({ topic: topicOf(kind), partitions: 2 })),
    )
    const admin = kafka.admin()
    await admin.connect()
    return {
      place: `Kafka      the same   topics ${documentKinds.map(topicOf).join(', ')}`,
      look: `any consumer of the topic ${topicOf('log')}`,
      env: { CFMR_OUTPUT: 'kafka', CFMR_KAFKAOUTPUT_TOPIC: topicOf('{kind}'), ...NO_INFLUXDB },
      stored: () =>
        eachKind(async (kind) => {
          const offsets = await admin.fetchTopicOffsets(topicOf(kind))
          return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
        }),
      examples: () => firstMessages(kafka, topicOf('http')),
      close: () => admin.disconnect(),
    }
  },
  s3: async ({ id, mix }) => {
    const server = await startS3Server()
    const bucket = `demo-${id}`
    server.makeBucket(bucket)
    const keys = await keysOf(mix)
    const access = {
      CFMR_S3_ENDPOINT: server.url,
      CFMR_S3_ACCESSKEYID: server.accessKeyId,
      CFMR_S3_SECRETACCESSKEY: server.secretAccessKey,
    }
    const documents = () => decrypt(keys.files, `s3://${bucket}/`, access)
    return {
      place: `S3         ${server.url}   bucket ${bucket}, encrypted with age: a key for each of ${keys.files.length} organizations`,
      look: `cf-metrics-refinery decrypt --identity ${keys.files[0]} s3://${bucket}/   (with CFMR_S3_… as above)`,
      env: {
        CFMR_OUTPUT: 's3',
        CFMR_S3_BUCKET: bucket,
        CFMR_S3_OBJECTAGE: '5s',
        CFMR_S3_RECIPIENTS: keys.recipients,
        ...access,
        ...NO_INFLUXDB,
      },
      stored: async () => countsOf(await documents()),
      examples: async () => [...server.keys(bucket).slice(0, EXAMPLES), ...(await documents()).slice(0, 1)],
      close: () => server.close(),
    }
  },
  syslog: async () => {
    const server = await startRsyslog()
    const url = `relp://127.0.0.1:${server.ports.relp}`
    const messages = () => server.messages().filter((message) => message.startsWith('<'))
    return {
      place: `rsyslog    ${url}   log lines, acknowledged`,
      look: 'what it has is shown at the end',
      env: { CFMR_OUTPUT: 'syslog', CFMR_SYSLOG_URL: url, ...NO_INFLUXDB },
      stored: async () => ({ log: new Set(messages().map((message) => /event_id="([^"]+)"/.exec(message)?.[1])).size }),
      examples: async () => messages().slice(0, EXAMPLES),
      close: () => server.close(),
    }
  },
  statsd: async () => {
    const server = await startStatsd('tcp')
    const total = async (metric: string) =>
      Object.entries(await server.read('counters')).reduce((sum, [name, count]) => (name.endsWith(metric) ? sum + Number(count) : sum), 0)
    return {
      place: `StatsD     tcp://127.0.0.1:${server.port}   counters and timers of each instance; usage is gauges, which do not add up`,
      look: 'its counters are shown at the end',
      env: {
        CFMR_OUTPUT: 'statsd',
        CFMR_STATSD_ADDR: `tcp://127.0.0.1:${server.port}`,
        CFMR_STATSD_FLUSHINTERVAL: '1s',
        CFMR_STATSD_MAXAGE: '0s',
        ...NO_INFLUXDB,
      },
      stored: async () => ({ http_request: await total('.http_request.count'), log: await total('.log.count') }),
      examples: async () =>
        Object.entries(await server.read('counters'))
          .filter(([name]) => name.startsWith('cf.'))
          .slice(0, EXAMPLES)
          .map(([name, count]) => `${name} ${count}`),
      close: () => server.close(),
    }
  },
  stdout: async () => {
    const documents: string[] = []
    const counts: Record<string, number> = {}
    const onOutput = (line: string) => {
      const kind = kindOf(line)
      counts[kind] = (counts[kind] ?? 0) + 1
      if (documents.length < EXAMPLES) documents.push(line)
    }
    return {
      place: 'stdout     a document a line',
      look: 'the first are shown at the end',
      env: { CFMR_OUTPUT: 'stdout', CFMR_STDOUT_FORMAT: 'json', ...NO_INFLUXDB },
      onOutput,
      stored: async () => ({ http_request: 0, log: 0, instance: 0, ...counts }),
      examples: async () => documents,
      close: async () => {},
    }
  },
}

async function eachKind(count: (kind: DocumentKind) => Promise<number>): Promise<Counts> {
  return Object.fromEntries(await Promise.all(documentKinds.map(async (kind) => [KINDS[kind], await count(kind)])))
}

function kindOf(document: string): string {
  const { dataset } = (JSON.parse(document) as { event: { dataset: string } }).event
  return KINDS[dataset.replace('cloudfoundry.', '') as DocumentKind]
}

function countsOf(documents: readonly string[]): Counts {
  const counts: Record<string, number> = { http_request: 0, log: 0, instance: 0 }
  for (const document of documents) counts[kindOf(document)] = (counts[kindOf(document)] ?? 0) + 1
  return counts
}

/** A key for each organization of the load, and what the worker is told of them. */
async function keysOf({ apps }: Pick<Mix, 'apps'>): Promise<{ readonly files: readonly string[]; readonly recipients: string }> {
  const folder = scratchFolder('demo-keys')
  const recipients: Record<string, string[]> = {}
  const files: string[] = []
  for (const org of new Set(apps.map(({ org_guid }) => org_guid))) {
    const identity = await generateX25519Identity()
    const file = join(folder, `${org}.key`)
    writeFileSync(file, `${identity}\n`, { mode: 0o600 })
    files.push(file)
    recipients[org] = [await identityToRecipient(identity)]
  }
  return { files, recipients: JSON.stringify(recipients) }
}

/** What the program's own command prints of all objects. */
async function decrypt(files: readonly string[], place: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
  const args = [program, 'decrypt', ...files.flatMap((file) => ['--identity', file]), place]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  const documents: string[] = []
  for await (const line of createInterface({ input: child.stdout })) documents.push(line)
  return documents
}

async function firstMessages(kafka: Kafka, topic: string): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `${topic}-look` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    const values: string[] = []
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
        values.push(String(message.value))
        if (values.length >= EXAMPLES) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return values.slice(0, EXAMPLES)
  } finally {
    await consumer.disconnect()
  }
}
