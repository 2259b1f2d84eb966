import { elasticsearch } from './elasticsearch/end.ts'
import { influxdb } from './influxdb/end.ts'
import { kafka } from './kafka/end.ts'
import { s3 } from './s3/end.ts'
import { statsd } from './statsd/end.ts'
import { stdout } from './stdout/end.ts'
import { syslog } from './syslog/end.ts'

/** All outputs, in the manual's order. Whoever adds one names it here, twice, and nowhere else. */
export const OUTPUTS = [influxdb, elasticsearch, kafka, s3, syslog, statsd, stdout] as const
export const OUTPUT_VARIABLES = {
  ...influxdb.variables,
  ...elasticsearch.variables,
  ...kafka.variables,
  ...s3.variables,
  ...syslog.variables,
  ...statsd.variables,
  ...stdout.variables,
}

export const OUTPUT_NAMES: readonly string[] = OUTPUTS.map(({ name }) => name)
