import type { EndRules } from '../../config/ends.ts'
import { pair } from '../../config/ends.ts'
import type { ConfiguredOutput, OutputEnd } from '../end.ts'
import { checkInfluxDb } from './check.ts'
import { InfluxDb } from './influxdb.ts'
import { LineEncoder } from './line-encoder.ts'
import { settingsOf, variables } from './variables.ts'

type V = typeof variables
type Name = keyof V

/** InfluxDB 1.x, 2.x, 3.x, or what speaks as they do. */
export const influxdb: OutputEnd<V> = {
  name: 'influxdb',
  title: 'Output: influxdb',
  variables,
  *mistakes({ isSet }) {
    if (!isSet('CFMR_INFLUXDB_ADDR')) yield 'CFMR_INFLUXDB_ADDR: not set, expected the URL of InfluxDB (or CFMR_OUTPUT=stdout)'
    if (!isSet('CFMR_INFLUXDB_DATABASE') && !isSet('CFMR_INFLUXDB_BUCKET')) {
      yield 'CFMR_INFLUXDB_DATABASE: not set, expected the name of a database (InfluxDB 1.x), or CFMR_INFLUXDB_BUCKET (2.x and later)'
    }
    yield* places(isSet)
  },
  configure(values, common): ConfiguredOutput {
    const settings = settingsOf(values, common)
    return {
      name: 'influxdb',
      settings,
      build(log) {
        const output = new InfluxDb({ url: settings.addr, ...settings, log })
        // What the server says of itself at the start is known before the first app is.
        const backslash = () => output.backslash
        const encoder = new LineEncoder({ uniqueTimestamps: settings.uniqueTimestamps, backslash })
        const limits = { ...common.batcher, maxWrites: settings.maxWrites }
        return { output, encoder, limits, ack: 'stored', spelling: () => ({ backslash: backslash() }) }
      },
      check: (_log, signal) => checkInfluxDb(settings, signal),
    }
  },
}

function* places(isSet: EndRules<V>['isSet']): Generator<string> {
  if (isSet('CFMR_INFLUXDB_DATABASE') && isSet('CFMR_INFLUXDB_BUCKET')) {
    yield 'CFMR_INFLUXDB_BUCKET: found a value beside CFMR_INFLUXDB_DATABASE, expected one of the two: the database for InfluxDB 1.x, the bucket for 2.x and later'
    return
  }
  if (isSet('CFMR_INFLUXDB_DATABASE')) {
    yield* notWith(isSet, 'CFMR_INFLUXDB_DATABASE', ['CFMR_INFLUXDB_ORG', 'CFMR_INFLUXDB_TOKEN'], 'CFMR_INFLUXDB_BUCKET')
  } else if (isSet('CFMR_INFLUXDB_BUCKET')) {
    const others = ['CFMR_INFLUXDB_RETENTIONPOLICY', 'CFMR_INFLUXDB_USERNAME', 'CFMR_INFLUXDB_PASSWORD'] as const
    yield* notWith(isSet, 'CFMR_INFLUXDB_BUCKET', others, 'CFMR_INFLUXDB_DATABASE')
  }
  if (!isSet('CFMR_INFLUXDB_BUCKET')) yield* pair(isSet, 'CFMR_INFLUXDB_USERNAME', 'CFMR_INFLUXDB_PASSWORD')
}

function* notWith(isSet: EndRules<V>['isSet'], chosen: Name, others: readonly Name[], home: Name): Generator<string> {
  for (const name of others) if (isSet(name)) yield `${name}: found a value beside ${chosen}, expected none: it goes with ${home}`
}
