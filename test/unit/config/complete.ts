import { type Config, type Mode, readConfig } from '../../../src/config/config.ts'
import { ConfigError } from '../../../src/lib/errors.ts'

/** Everything that a worker needs, and nothing more. */
const COMPLETE = {
  CFMR_KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9093',
  CFMR_KAFKA_TOPICS: 'http,logs',
  CFMR_KAFKA_CONSUMERGROUP: 'refinery',
  CFMR_CF_API: 'https://api.example.com/',
  CFMR_CF_USER: 'auditor',
  CFMR_CF_PASSWORD: 'sesame-open',
  CFMR_INFLUXDB_ADDR: 'http://influxdb:8086',
  CFMR_INFLUXDB_DATABASE: 'cf',
}

export type Env = Record<string, string | undefined>

export function read(changes: Env = {}, mode: Mode = 'run'): Config {
  return readConfig({ ...COMPLETE, ...changes }, mode)
}

/** All mistakes of the complete configuration with these changes. */
export function mistakes(changes: Env, mode: Mode = 'run'): readonly string[] {
  return mistakesOf({ ...COMPLETE, ...changes }, mode)
}

export function mistakesOf(env: Env, mode: Mode): readonly string[] {
  try {
    readConfig(env, mode)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}
