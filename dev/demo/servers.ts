import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startInfluxDb } from '../influxdb.ts'
import { type InfluxQl, influxQl } from '../influxql.ts'
import { findJava, hasMaven } from '../java.ts'
import { startKafka } from '../kafka.ts'

/** The two servers that the demo needs, whoever runs them. */
export interface DemoServers {
  /** Who runs them, for people. */
  readonly origin: string
  readonly brokers: readonly string[]
  readonly influxDbUrl: string
  readonly influxQl: InfluxQl
  /** What the worker needs besides the addresses, such as the user that the environment names. */
  readonly env: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** Those the environment names; else our own; else Docker's. Undefined where none of it is possible. */
export async function demoServers(): Promise<DemoServers | undefined> {
  const { CFMR_KAFKA_BROKERS: brokers, CFMR_INFLUXDB_ADDR: influxDb } = process.env
  if (brokers && influxDb) return runningServers(brokers.split(','), influxDb)
  if (findJava() !== undefined && hasMaven() && succeeds('dpkg', '--version')) return ownServers()
  if (succeeds('docker', 'compose', 'version') && succeeds('docker', 'info')) return dockerServers()
  return undefined
}

const succeeds = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

async function ownServers(): Promise<DemoServers> {
  const [kafka, influxDb] = await Promise.allSettled([startKafka(), startInfluxDb()])
  const close = async () => {
    for (const started of [kafka, influxDb]) if (started.status === 'fulfilled') await started.value.close()
  }
  if (kafka.status === 'rejected' || influxDb.status === 'rejected') {
    await close()
    throw kafka.status === 'rejected' ? kafka.reason : influxDb.status === 'rejected' && influxDb.reason
  }
  return {
    origin: 'Kafka 4.1.1 and InfluxDB 1.6.7, started for this demo',
    brokers: kafka.value.brokers,
    influxDbUrl: influxDb.value.url,
    influxQl: influxDb.value,
    env: {},
    close,
  }
}

/** Everything that concerns the two is passed on: certificates, users, passwords. */
function runningServers(brokers: readonly string[], influxDbUrl: string, origin = 'the servers that the environment names'): DemoServers {
  const env = Object.entries(process.env).flatMap(([name, value]) =>
    /^CFMR_(KAFKA|INFLUXDB)_/.test(name) && value ? [[name, value] as const] : [],
  )
  const { CFMR_INFLUXDB_USERNAME: username, CFMR_INFLUXDB_PASSWORD: password } = process.env
  return {
    origin,
    brokers,
    influxDbUrl,
    influxQl: influxQl({ url: influxDbUrl, username, password }),
    env: Object.fromEntries(env),
    close: async () => {},
  }
}

function dockerServers(): DemoServers {
  const compose = (...args: string[]) => {
    const file = fileURLToPath(new URL('../../compose.yaml', import.meta.url))
    const { status } = spawnSync('docker', ['compose', '-f', file, '-p', 'cfmr-demo', ...args], { stdio: 'inherit' })
    if (status !== 0) throw new Error(`docker compose ${args.join(' ')} failed`)
  }
  compose('up', '--detach', '--wait')
  return {
    ...runningServers(['localhost:19092'], 'http://localhost:18086', 'Kafka 4.1.1 and InfluxDB 1.8 in Docker'),
    close: async () => compose('down', '--volumes'),
  }
}
