import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { Kafka } from 'kafkajs'
import { createTopics } from '../../dev/kafka-client.ts'
import { manifestNode } from '../../dev/manifest-node.ts'
import { startOpenSearch } from '../../dev/opensearch.ts'
import { startRsyslog } from '../../dev/rsyslog.ts'
import { startS3Server } from '../../dev/s3-server.ts'
import { startStatsd } from '../../dev/statsd.ts'

export type Environment = Readonly<Record<string, string>>

/** What a worker needs to write to a server, and how to end that. */
export interface OutputServer {
  readonly env: Environment
  /** Node's options; those of `npm start` unless told otherwise. */
  readonly nodeArgs?: readonly string[]
  close(): Promise<void>
}

/** Where the bench's topics are. */
export interface Site {
  readonly client: Kafka
}

type Start = (site: Site) => Promise<OutputServer>

const nothing = async () => {}

/** Real servers that keep what they get, by the output that writes to them. */
const servers: Readonly<Record<string, Start>> = {
  influxdb: async () => ({ env: {}, close: nothing }),
  stdout: async () => ({ env: { CFMR_STDOUT_FORMAT: 'json' }, close: nothing }),
  elasticsearch: async () => {
    const server = await startOpenSearch()
    return { env: { CFMR_ELASTICSEARCH_URL: server.url }, close: () => server.close() }
  },
  kafka: async ({ client }) => {
    await createTopics(client, [{ topic: 'written', partitions: 4 }])
    return { env: { CFMR_KAFKAOUTPUT_TOPIC: 'written' }, close: nothing }
  },
  s3: startS3,
  syslog: async () => {
    const server = await startRsyslog()
    return { env: { CFMR_SYSLOG_URL: `relp://127.0.0.1:${server.ports.relp}`, CFMR_SYSLOG_METRICS: 'true' }, close: () => server.close() }
  },
  statsd: async () => {
    const server = await startStatsd('tcp')
    const env = { CFMR_STATSD_ADDR: `tcp://127.0.0.1:${server.port}`, CFMR_STATSD_MAXAGE: '0s' }
    return { env, close: () => server.close() }
  },
}

/** Combinations that `--output` knows beside each output alone. */
const combinations: Readonly<Record<string, readonly string[]>> = {
  points: ['influxdb'],
  documents: ['stdout'],
  both: ['influxdb', 'stdout'],
  six: ['influxdb', 'elasticsearch', 'kafka', 's3', 'syslog', 'statsd'],
}

export const OUTPUTS = [
  ...Object.keys(combinations),
  ...Object.keys(servers).filter((name) => name !== 'influxdb' && name !== 'stdout'),
  's3-age',
]

/** Whether what was written stays, so that the same events cannot be written for the first time again. */
export const keepsEvents = (output: string) => combinations[output] === undefined || output === 'six'

/** Starts what is needed for one of {@link OUTPUTS}. */
export async function startOutputs(output: string, site: Site): Promise<OutputServer> {
  if (output === 's3-age') {
    const server = withoutInfluxDb('s3', await startS3(site, await recipient()))
    const { nodeArgs, env } = manifestNode()
    return { ...server, nodeArgs, env: { ...server.env, ...env } }
  }
  const names = combinations[output] ?? output.split(',')
  const started: OutputServer[] = []
  const close = async () => {
    for (const server of started.reverse()) await server.close()
  }
  try {
    for (const name of names) started.push(await (servers[name] as Start)(site))
  } catch (error) {
    await close()
    throw error
  }
  const env = Object.assign({}, ...started.map((server) => server.env)) as Environment
  // As many outputs as there are in the least that a container may have.
  if (output === 'six') {
    const node = manifestNode()
    return { env: { ...env, ...node.env, CFMR_OUTPUT: names.join(',') }, nodeArgs: node.nodeArgs, close }
  }
  const all = { env, close }
  return names.includes('influxdb') ? { env: { ...env, CFMR_OUTPUT: names.join(',') }, close } : withoutInfluxDb(names.join(','), all)
}

function withoutInfluxDb(names: string, { env, close }: OutputServer): OutputServer {
  return { env: { CFMR_INFLUXDB_ADDR: '', CFMR_INFLUXDB_DATABASE: '', CFMR_INFLUXDB_GZIP: '', ...env, CFMR_OUTPUT: names }, close }
}

async function startS3(_site: Site, recipients?: string): Promise<OutputServer> {
  const server = await startS3Server()
  server.makeBucket('bench')
  const env = {
    CFMR_S3_ENDPOINT: server.url,
    CFMR_S3_ACCESSKEYID: server.accessKeyId,
    CFMR_S3_SECRETACCESSKEY: server.secretAccessKey,
    CFMR_S3_BUCKET: 'bench',
    // So that what is open at the end is not waited for.
    CFMR_S3_OBJECTAGE: '3s',
    ...(recipients !== undefined && { CFMR_S3_RECIPIENTS: recipients }),
  }
  return { env, close: () => server.close() }
}

/** One for all tenants, whose secret key nobody keeps. */
async function recipient(): Promise<string> {
  return JSON.stringify({ '*': [await identityToRecipient(await generateX25519Identity())] })
}
